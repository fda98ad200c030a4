/*
 * The journal (I11): two sessions that sync one crew of one technician, their workers, a Flex that lags as long as it
 * likes, and at each step a rollback, a kill of a session or of its worker, or a crash of the server.
 *
 * What it shows, over all orders of events:
 *   - an add is never sent while a contact is there, or may still come to be, that an earlier add has made: whether its
 *     answer was recorded, or lost with whoever had it. Nor is it sent before an earlier one without an answer has had
 *     its pause (I11);
 *   - when a sync commits, the log has every add that any earlier run has sent, nothing as done that Flex has not done,
 *     nothing twice, and no run as rolled back whose transaction has committed;
 *   - no call is answered with the result of a run that was rolled back;
 *   - when faults have ended and the pause is over, one sync leaves one contact, an empty journal, and the log of
 *     all that was recorded (I7).
 *
 * How it is told: a run has a number, sends one add at most, and makes the line of that number. A set of runs is a byte.
 * What the worker commits is there for all at once. Intents are flushed, and so is a commit of a session, with all that
 * was committed before. Answers are not: a crash may take them.
 *
 * What it leaves out:
 *   - what test/model/sync.pml and its comment have: the order of reads and requests within a sync, and the two listings
 *     after which an add is sent again whose answer was lost while its sync lived: here it waits for the pause;
 *   - deletions, roles and listings in the journal: they go the way of answers, and are repeated without harm;
 *   - slices: an intent for each add;
 *   - time: the pause is over at an event after which Flex has done what it was sent and shows it. It does not come
 *     while a sync runs or a worker has something to write, since both have ends; a transaction may stay open for longer;
 *   - a savepoint but for one: a rollback to it that keeps the lock.
 *
 * -DLATE_INTENT, -DWORKER_DELETES, -DSETTLE_UNLOCKED, -DCOALESCE_JOURNAL and -DEARLY_ANSWER are broken protocols: each
 * must give a counterexample (test/model/run).
 */

#ifndef SYNCS
#define SYNCS 1 /* that the second session runs; the first runs two */
#endif
/* How much may go wrong: answers lost or refusals, kills, crashes of the server, contacts deleted by hand. */
#ifndef LOSSES
#define LOSSES 1
#define KILLS 1
#define CRASHES 1
#define DELETIONS 1
#endif

#define bit(id) (1 << (id))
#define has(runs, id) (((runs) & bit(id)) != 0)
#define is_locked(id) has(deleting[1] | deleting[2] | deleting[3], id)

mtype = { Intent, Done, Refused };

/* The log, and what is remembered, as far as it is committed. */
typedef Memory {
    byte known;       /* lines */
    byte was_shown;   /* those that a listing has shown */
    byte lost;        /* the run of the last add without an answer; 0: none */
    byte ok;          /* runs that have logged themselves */
    byte rolled_back; /* runs that others have logged */
    byte did;         /* runs whose add is in the log as done */
    byte doubted;     /* … as one without an answer */
    byte was_refused
}
Memory memory;

/* The journal: entries, and which of them have an answer; and what of that a crash leaves. */
typedef Journal {
    byte entries;
    byte done;
    byte refused
}
Journal journal, flushed;
chan to_worker[4] = [3] of { mtype, byte }; /* by session; 0: of sessions that have ended */
bool has_worker[4];
byte deleting[4]; /* entries that a transaction has deleted and not committed */

byte lock; /* of the crew: whose */
byte last_run;
byte current[4]; /* the run of a session, until its transaction ends */
bool is_dead[4];
bool is_running[4];

/* Flex: lines, those that listings show, and adds that it took and has not done yet. */
byte there;
byte shown;
byte late;

/* What may still go wrong. */
byte losses = LOSSES;
byte kills = KILLS;
byte crashes = CRASHES;
byte deletions = DELETIONS;

/* For the assertions alone, but for the clock. */
byte intended, sent, made;
byte old;        /* adds that were sent before the pause */
byte said_no;    /* adds that Flex refused */
byte undone;     /* runs whose transaction was rolled back */
byte recorded;   /* answers that the worker has committed and no crash has taken */
byte ended;

inline flush() {
    flushed.entries = journal.entries;
    flushed.done = journal.done;
    flushed.refused = journal.refused
}

inline erase(runs) {
    journal.entries = journal.entries & ~(runs);
    journal.done = journal.done & ~(runs);
    journal.refused = journal.refused & ~(runs)
}

/* What the worker does with a message: one transaction. Where the row is locked it may wait, or give up. */
inline write(kind, id) {
    if
    :: kind == Intent -> journal.entries = journal.entries | bit(id); intended = intended | bit(id); flush()
    :: kind == Done && !is_locked(id) ->
        journal.entries = journal.entries | bit(id);
        journal.done = journal.done | bit(id);
        recorded = recorded | (bit(id) & made)
    :: kind == Refused && !is_locked(id) ->
        journal.entries = journal.entries | bit(id);
        journal.refused = journal.refused | bit(id)
    :: else
    fi;
    kind = 0;
    id = 0
}

/* In a transaction whose view of the memory is `m`, and which deletes `gone`. */
inline settle(own, m, gone) {
    rows = journal.entries & ~bit(own);
    gone = gone | rows;
    rows = rows & ~m.ok;
    assert((rows & journal.done & m.did) == 0);
    m.known = m.known | (rows & journal.done);
    m.rolled_back = m.rolled_back | rows;
    m.did = m.did | (rows & journal.done);
    m.was_refused = m.was_refused | (rows & journal.refused);
    m.doubted = (m.doubted | rows) & ~(m.did | m.was_refused);
    rows = rows & ~(journal.done | journal.refused);
    highest(rows, m.lost, m.lost);
    rows = 0
}

/* The highest of some runs that is above a bound: into `result`, which stays where there is none. */
inline highest(runs, bound, result) {
    number = 6;
    do
    :: number == bound -> break
    :: number > bound && has(runs, number) -> result = number; break
    :: else -> number--
    od;
    number = 0
}

inline copy(from, to) {
    to.known = from.known;
    to.was_shown = from.was_shown;
    to.lost = from.lost;
    to.ok = from.ok;
    to.rolled_back = from.rolled_back;
    to.did = from.did;
    to.doubted = from.doubted;
    to.was_refused = from.was_refused
}

inline clear(m) {
    m.known = 0; m.was_shown = 0; m.lost = 0; m.ok = 0; m.rolled_back = 0; m.did = 0; m.doubted = 0; m.was_refused = 0
}

/* What must be so whenever a transaction commits. */
inline check_log() {
    assert((sent & ~(memory.did | memory.doubted | memory.was_refused)) == 0);
    assert((memory.did & ~made) == 0);
    assert((memory.was_refused & ~said_no) == 0);
    assert((memory.ok & memory.rolled_back) == 0)
}

/* The transaction of a session is undone; the caller sees to the lock and the worker. */
inline undo(me) {
    if
    :: current[me] != 0 -> undone = undone | bit(current[me])
    :: else
    fi;
    current[me] = 0;
    deleting[me] = 0;
    is_running[me] = false
}

inline drop_messages(to) {
    do
    :: to_worker[to]?kind, id
    :: empty(to_worker[to]) -> break
    od;
    kind = 0;
    id = 0
}

/* A session sends its add, and Flex does with it what it likes. */
inline send() {
    assert((there | late) == 0);
    assert((sent & ~old & ~said_no & ~(made & ~there)) == 0);
    sent = sent | bit(id);
    if
    :: there = there | bit(id); made = made | bit(id); answer = Done
    :: losses > 0 -> losses--; said_no = said_no | bit(id); answer = Refused
    :: losses > 0 -> losses--; there = there | bit(id); made = made | bit(id)
    :: losses > 0 -> losses--; late = late | bit(id)
    :: losses > 0 -> losses-- /* it never arrives */
    fi
}

inline ask_worker(what) {
    if
    :: has_worker[me] -> to_worker[me]!what, id
    :: else
    fi
}

proctype Session(byte me; byte syncs) {
    byte id, seen, aged, noted, newest, rows, number;
    mtype answer;
    Memory view;

begin:
    if
    :: syncs == 0 -> goto end
    :: else -> syncs--
    fi;
    {
        noted = last_run;
        atomic {
            lock == 0 || lock == me ->
            lock = me;

            /* A run that began after the call did may answer it. */
#ifdef COALESCE_JOURNAL
            highest(memory.ok | journal.done, noted, newest);
#else
            highest(memory.ok, noted, newest);
#endif
            noted = 0;
            if
            :: newest != 0 -> assert(!has(undone, newest)); newest = 0; lock = 0; goto begin
            :: else
            fi;
            last_run++;
            id = last_run;
            current[me] = id;
            is_running[me] = true
        };

        /* The clock is read before the listing. */
        atomic { seen = there & shown; aged = old };
        d_step {
            copy(memory, view);
            settle(id, view, deleting[me]);

            /* What a listing shows is known; what one has shown and this one does not is gone. */
            view.known = (view.known & ~view.was_shown) | seen;
            view.was_shown = seen;
            if
            :: view.lost != 0 && has(aged, view.lost) -> view.lost = 0
            :: else
            fi
        };
        if
        :: seen == 0 && (view.known & ~aged) == 0 && view.lost == 0 ->
            has_worker[me] = true;
#ifdef LATE_INTENT
            atomic { send() };
#endif
            ask_worker(Intent);
            empty(to_worker[me]) || !has_worker[me];
#ifndef LATE_INTENT
            if
            :: has_worker[me] ->
                atomic { send() };
#ifdef EARLY_ANSWER
                ask_worker(Done)
#endif
            :: else
            fi;
#endif
            /* Between the answer and the record of it anything may happen. */
            if
            :: answer != 0 ->
#ifndef EARLY_ANSWER
                ask_worker(answer)
#endif
            :: else
            fi;

            /* The end of the run: it waits for the worker, but not for ever. */
            if
            :: empty(to_worker[me]) || !has_worker[me]
            :: nempty(to_worker[me]) && me != 3
            fi
#ifdef WORKER_DELETES
            ;
            d_step { erase(bit(id)); flush() }
#endif
        :: else
        fi;
        d_step {
            view.ok = view.ok | bit(id);
            if
            :: answer == Done -> view.known = view.known | bit(id); view.did = view.did | bit(id)
            :: answer == Refused -> view.was_refused = view.was_refused | bit(id)
            :: answer == 0 && has(sent, id) -> view.lost = id; view.doubted = view.doubted | bit(id)
            :: else
            fi;
            answer = 0;
            is_running[me] = false;
            deleting[me] = deleting[me] | (journal.entries & bit(id))
        };

        /* The transaction ends; or a part of it, and the lock stays. */
        if
        :: atomic {
                /* Rows of the log that others have committed meanwhile stay; under the lock there are none. */
                view.ok = view.ok | memory.ok;
                view.rolled_back = view.rolled_back | memory.rolled_back;
                view.did = view.did | memory.did;
                view.was_refused = view.was_refused | memory.was_refused;
                view.doubted = (view.doubted | memory.doubted) & ~(view.did | view.was_refused);
                copy(view, memory);
                erase(deleting[me]);
                flush();
                deleting[me] = 0;
                current[me] = 0;
                check_log();
                lock = 0
            }
        :: atomic { me != 3 -> undo(me); lock = 0 }
        :: atomic { syncs > 0 -> undo(me) }
        fi
    } unless { is_dead[me] };
    d_step {
        is_dead[me] = false;
        id = 0; seen = 0; aged = 0; noted = 0; newest = 0; rows = 0; number = 0; answer = 0;
        clear(view)
    };
    goto begin;

end:
    ended++
}

/* Workers commit what they are sent, each message when they like. */
proctype Workers() {
    mtype kind;
    byte id;
end:
    do
    :: atomic { to_worker[0]?kind, id -> write(kind, id) }
    :: atomic { to_worker[1]?kind, id -> write(kind, id) }
    :: atomic { to_worker[2]?kind, id -> write(kind, id) }
    :: atomic { to_worker[3]?kind, id -> write(kind, id) }
    od
}

inline kill_session(me) {
    kills--;
    undo(me);
    is_dead[me] = true;
    has_worker[me] = false;
    lock = (lock == me -> 0 : lock);
    /* Its worker writes what it has been sent, some time. */
    do
    :: to_worker[me]?kind, id -> to_worker[0]!kind, id
    :: empty(to_worker[me]) -> break
    od;
    kind = 0;
    id = 0
}

inline kill_worker(me) {
    kills--;
    has_worker[me] = false;
    drop_messages(me)
}

proctype Trouble() {
    mtype kind;
    byte id;
end:
    do
    :: atomic { kills > 0 && current[1] != 0 && !is_dead[1] -> kill_session(1) }
    :: atomic { kills > 0 && current[2] != 0 && !is_dead[2] -> kill_session(2) }
    :: atomic { kills > 0 && has_worker[1] && is_running[1] -> kill_worker(1) }
    :: atomic { kills > 0 && has_worker[2] && is_running[2] -> kill_worker(2) }
    :: atomic {
            crashes > 0 && (current[1] | current[2] | journal.entries) != 0 ->
            crashes--;
            if
            :: true -> /* answers are lost */
                recorded = recorded & ~(journal.done & ~flushed.done);
                journal.entries = flushed.entries;
                journal.done = flushed.done;
                journal.refused = flushed.refused
            :: flush()
            fi;
            undo(1);
            undo(2);
            is_dead[1] = true;
            is_dead[2] = true;
            has_worker[1] = false;
            has_worker[2] = false;
            lock = 0;
            drop_messages(0);
            drop_messages(1);
            drop_messages(2)
        }
    od
}

/* Time passes: Flex does what it took, shows it, and pauses are over. */
inline elapse() {
    old = old | sent | intended;
    there = there | late;
    made = made | late;
    late = 0;
    shown = shown | there
}

#define is_time_to_pass                                                                                                \
    !is_running[1] && !is_running[2] && empty(to_worker[0]) && empty(to_worker[1]) && empty(to_worker[2])

/* Flex, and people. */
proctype Flex() {
    byte number;
end:
    do
    :: atomic {
            late != 0 ->
            there = there | late;
            made = made | late;
            late = 0
        }
    :: atomic {
            (there & ~shown) != 0 ->
            highest(there & ~shown, 0, number);
            shown = shown | there
        }
    :: atomic {
            is_time_to_pass && ((sent | intended) & ~old) != 0 ->
            elapse()
        }
    :: atomic {
            deletions > 0 && (there & shown) != 0 ->
            deletions--;
            there = 0
        }
    od
}

/* flex_sync_purge settles crews whose lock is free. */
proctype Purge() {
    byte rows, number, gone;
    do
    :: atomic {
#ifndef SETTLE_UNLOCKED
            lock == 0 &&
#endif
            journal.entries != 0 ->
            settle(0, memory, gone);
            erase(gone);
            flush();
            gone = 0;
            check_log()
        }
    :: break
    od;
    ended++
}

init {
    byte only, number;
    atomic {
        run Session(1, 2);
        run Session(2, SYNCS);
        run Workers();
        run Trouble();
        run Flex();
        run Purge()
    };
    ended == 3 && is_time_to_pass;
    assert(lock == 0);

    /* The quiet sync. */
    atomic {
        losses = 0;
        kills = 0;
        crashes = 0;
        deletions = 0;
        elapse()
    };
    run Session(3, 1);
    ended == 4 && empty(to_worker[3]);
    assert(lock == 0 && journal.entries == 0);
    assert((recorded & ~memory.did) == 0);
    highest(there, 0, only);
    assert(only != 0 && there == bit(only))
}
