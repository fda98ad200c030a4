/*
 * The protocol of a sync: two backends that sync one crew, one technician who is assigned and withdrawn, somebody who
 * deletes the contact by hand, a Flex that loses answers and acts late, and a crash at any step.
 *
 * What it shows, over all orders of events:
 *   - fewer contacts are made than adds were sent, unless an answer was lost or a transaction undone: nobody is called
 *     twice in fair weather, and the number of contacts has a bound in foul; an add whose answer was lost is not sent
 *     again before two listings, unless the transaction that knew of it was undone (I5);
 *   - a row never names anything but what its sync had from a listing or an answer, and there is one at most (I1);
 *   - a sync that says ok has a listing that shows the contact of the technician who is desired, and nobody else (I2);
 *   - when faults have ended, one sync puts everything right, and finds no lock (I7).
 *
 * What it leaves out:
 *   - more than one technician, shared resources, aliased calls, roles, other lines: the planner is a function, and has
 *     tests of its own; what is at stake here is the order of reads, requests and commits;
 *   - prune other than all, the guards, request limits, bulk deletion;
 *   - time: two seconds are "the second listing after the answer was lost", and Flex may be later than that. The pause
 *     before a contact that no listing shows is made again is not here, and neither are such contacts;
 *   - listings that are whole and wrong. One that fails ends the sync;
 *   - savepoints: a rollback to one is a crash that keeps the backend;
 *   - that a deletion may be late, or its answer be lost: it is repeated, and does no harm twice.
 *
 * -DNO_LOCK, -DEARLY_UNLOCK, -DREPEAT_UNKNOWN, -DNO_MEMORY and -DNO_CLOSING_LISTING are broken protocols: each must give
 * a counterexample (test/model/run).
 */

#ifndef SYNCS
#define SYNCS 2 /* that each of the two backends runs */
#endif
/* How much may go wrong: answers and listings lost, crashes, changes of the assignment, contacts deleted by hand. */
#ifndef LOSSES
#define LOSSES 2
#define CRASHES 1
#define CHANGES 1
#define DELETIONS 1
#endif

#define bit(line) (1 << (line))
#define has(lines, line) (((lines) & bit(line)) != 0)
#define line_count 7

/* The database, as far as it is committed. A row that names line 0 is no row. */
bool desired = true;
byte row;
bool mark; /* an add whose outcome is not known */
byte lock; /* of the crew: whose */

/* Flex: the contacts of the technician, as bits, and adds that it took and has not done yet. */
byte there;
byte late;

/* What may still go wrong. */
byte losses = LOSSES;
byte crashes = CRASHES;
byte changes = CHANGES;
byte deletions = DELETIONS;

/* For the assertions alone: contacts, and how many more than one there may be. */
byte contacts;
byte forgiven;
byte unsure; /* listings that must not show a contact before an add whose answer was lost may be sent again */
byte ended;
byte names[4]; /* by backend: the line that its row names, committed or not */

/* A contact comes into being. Its line has an id that nobody has heard of. */
inline make(line) {
    line = 1;
    do
    :: has(there, line) || row == line || names[1] == line || names[2] == line || names[3] == line -> line++
    :: else -> break
    od;
    assert(line < line_count);
    there = there | bit(line);
    contacts++
}

inline unmake(line) {
    if
    :: has(there, line) -> there = there & ~bit(line); contacts--
    :: else
    fi
}

/* A backend may end here, or its transaction be rolled back: what Flex has done stays. */
inline may_crash() {
    if
    :: crashes > 0 -> atomic { crashes--; goto undone }
    :: skip
    fi
}

inline list() {
    if
    :: atomic { losses > 0 -> losses--; is_listed = false }
    :: atomic { seen = there; is_listed = true; unsure = (unsure > 0 -> unsure - 1 : 0) }
    fi
}

/* The answer to an add may be lost, whatever becomes of the add. */
inline add() {
    assert(unsure == 0);
    adds++;
    if
    :: atomic { make(new); names[me] = new; new = 0 }
    :: atomic { losses > 0 -> losses--; make(new); new = 0; is_lost = true }
    :: atomic { losses > 0 -> losses--; late++; is_lost = true }
    :: atomic { losses > 0 -> losses--; is_lost = true; adds-- }
    fi;
    if
    :: is_lost ->
#ifndef NO_MEMORY
        marked = true;
#endif
        listings = 0;
        tries++;
        unsure = 2;
        forgiven++
    :: else
    fi;
    assert(contacts + late <= 1 + forgiven)
}

proctype Sync(byte me; byte runs) {
    byte seen, surplus, new, line, passes, tries, listings, adds;
    bool want, marked, is_lost, is_listed, is_sent;

begin:
    if
    :: runs == 0 -> goto end
    :: else -> runs--
    fi;
#ifndef NO_LOCK
    atomic { lock == 0 -> lock = me };
#endif
    atomic { names[me] = row; marked = mark; is_lost = mark };
    may_crash();
    list();
    if
    :: !is_listed -> goto undone
    :: else -> listings = 1
    fi;

pass:
    passes++;
    is_sent = false;
    /* The stale row goes, the crew is read again, and a contact that is there is adopted. */
    d_step {
        if
        :: names[me] != 0 && !has(seen, names[me]) -> names[me] = 0
        :: else
        fi;
        want = desired;
        if
        :: want && names[me] == 0 && seen != 0 ->
            names[me] = 1;
            do
            :: !has(seen, names[me]) -> names[me]++
            :: else -> break
            od
        :: else
        fi;
        surplus = (want -> seen & ~bit(names[me]) : seen)
    };

    /* Orphans first: what nobody desires, and all but one of the rest. */
    do
    :: surplus == 0 -> break
    :: else ->
        d_step {
            line = 1;
            do
            :: !has(surplus, line) -> line++
            :: else -> break
            od;
            unmake(line);
            surplus = surplus & ~bit(line);
            line = 0;
            is_sent = true
        };
        may_crash()
    od;
    if
    :: !want -> names[me] = 0
    :: else
    fi;

    /* An add is sent when no listing shows a contact, and none may still come of an earlier one. */
    if
    :: want && names[me] == 0 && tries < 2 && (!is_lost || listings >= 2) ->
        is_lost = false;
        add();
        is_sent = true;
#ifdef REPEAT_UNKNOWN
        if
        :: is_lost -> forgiven--; is_lost = false; add()
        :: else
        fi;
#endif
        may_crash()
    :: else
    fi;
#ifdef NO_CLOSING_LISTING
    goto ok;
#endif

    /* The closing listing, and one more for an add that was lost. */
    if
    :: is_sent || (is_lost && listings < 2) ->
closing:
        list();
        if
        :: !is_listed -> goto commit
        :: else
        fi;
        if
        :: is_lost && seen == 0 ->
            listings++;
            if
            :: listings < 2 -> goto closing
            :: else
            fi
        :: is_lost && seen != 0 -> is_lost = false
        :: else
        fi
    :: else
    fi;
    may_crash();

    want = desired;
    if
    :: want && names[me] != 0 && seen == bit(names[me]) -> goto ok
    :: !want && names[me] == 0 && seen == 0 -> goto ok
    :: else
    fi;
    if
    :: passes < 3 -> goto pass
    :: else -> goto commit
    fi;

ok:
    assert(want == (names[me] != 0));
    assert(want -> seen == bit(names[me]) : seen == 0);
    marked = false;

commit:
#ifdef EARLY_UNLOCK
    lock = 0;
    atomic { row = names[me]; mark = marked; names[me] = 0 };
#else
    /* The rows become visible and the lock is given back at once. */
    atomic { row = names[me]; mark = marked; names[me] = 0; lock = (lock == me -> 0 : lock) };
#endif
    goto begin_again;

undone:
    /* Whatever it added is forgotten: it can be made once more. */
    atomic {
        unsure = (tries > 0 -> 0 : unsure);
        forgiven = forgiven + adds;
        names[me] = 0;
        lock = (lock == me -> 0 : lock)
    };

begin_again:
    skip;
    d_step {
        seen = 0; surplus = 0; line = 0; passes = 0; tries = 0; listings = 0; adds = 0;
        want = false; marked = false; is_lost = false; is_listed = false; is_sent = false
    };
    goto begin;

end:
    ended++
}

/* Somebody assigns and withdraws the technician. */
proctype Assigner() {
    do
    :: changes > 0 -> atomic { changes--; desired = !desired }
    :: break
    od;
    ended++
}

/* Somebody deletes a contact in Flex. */
proctype Person() {
    byte line;
    do
    :: atomic {
            deletions > 0 && there != 0 ->
            line = 1;
            do
            :: !has(there, line) -> line++
            :: else -> break
            od;
            unmake(line);
            line = 0;
            deletions--
        }
    :: break
    od;
    ended++
}

/* Flex does what it took, sooner or later. */
proctype Late() {
    byte line;
end:
    do
    :: atomic { late > 0 -> late--; make(line); line = 0 }
    od
}

init {
    atomic {
        run Sync(1, SYNCS);
        run Sync(2, SYNCS);
        run Assigner();
        run Person();
        run Late()
    };
    ended == 4 && late == 0;
    assert(lock == 0);

    /* The quiet sync. */
    atomic { losses = 0; crashes = 0 };
    run Sync(3, 1);
    ended == 5;
    assert(lock == 0);
    assert(desired == (row != 0));
    assert(desired -> there == bit(row) : there == 0)
}
