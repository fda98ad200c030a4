# Builds the extension with PGXS. `make unit` needs GoogleTest, `make installcheck` a running server and the simulator
# (script/test starts both).

EXTENSION = flex_sync
MODULE_big = flex_sync
DATA := $(wildcard flex_sync--*.sql)
DOCS := $(wildcard docs/*.md docs/*.svg docs/*.png)

SOURCES = $(wildcard src/core/*.cpp src/flex/*.cpp src/pg/*/*.cpp)
OBJS = $(SOURCES:.cpp=.o)

REGRESS = $(sort $(basename $(notdir $(wildcard sql/*.sql))))
ISOLATION = $(sort $(basename $(notdir $(wildcard specs/*.spec))))
TAP_TESTS = 1
PROVE_TESTS = $(wildcard test/tap/*/*.pl)

PG_CONFIG ?= pg_config
# The version is written once, in the control file.
FLEX_SYNC_VERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" flex_sync.control)

# Bitcode is worthless here: nothing of ours is inlined into a query.
override with_llvm = no

PG_CPPFLAGS = -Isrc -DFLEX_SYNC_VERSION='"$(FLEX_SYNC_VERSION)"' $(shell curl-config --cflags)
# Server headers are not ours to warn about.
PG_CXXFLAGS = -MMD -MP -std=c++20 -Wall -Wextra -Wshadow $(FLEX_SYNC_CXXFLAGS) -isystem $(shell $(PG_CONFIG) --includedir-server)
SHLIB_LINK = $(shell curl-config --libs)
# Only what Postgres calls leaves the library: other extensions may bring C++ of their own into the same process.
SHLIB_EXPORTS = src/pg/exports.txt

EXTRA_CLEAN = $(OBJS) $(OBJS:.o=.d) src/pg/exports.list build

PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS empties them. With what the command line says, the tests still need their library.
override PROVE_FLAGS += -I test/lib

# Link with the C++ driver.
override COMPILER = $(CXX) $(CXXFLAGS)

# PGXS tracks no headers by itself.
$(OBJS): Makefile flex_sync.control
-include $(OBJS:.o=.d)

.PHONY: unit format check-format simulator bench chaos model fuzz mutation memcheck dist

# ---- unit tests: core and flex, with no server include path

UNIT_CXXFLAGS = -std=c++20 -O1 -g -Wall -Wextra -Wshadow $(FLEX_SYNC_CXXFLAGS) $(UNIT_SANITIZE) -Isrc $(shell curl-config --cflags)
UNIT_SOURCES = $(wildcard src/core/*.cpp src/flex/*.cpp test/unit/*.cpp)
UNIT_DIR = build/unit
UNIT_OBJS = $(UNIT_SOURCES:%.cpp=$(UNIT_DIR)/%.o)

$(UNIT_DIR)/%.o: %.cpp Makefile
	@mkdir -p $(@D)
	$(CXX) -MMD -MP $(UNIT_CXXFLAGS) -c -o $@ $<

-include $(UNIT_OBJS:.o=.d)

$(UNIT_DIR)/unit_tests: $(UNIT_OBJS)
	$(CXX) $(UNIT_CXXFLAGS) -o $@ $^ $(shell curl-config --libs) -lgtest -lgtest_main -lpthread

unit: $(UNIT_DIR)/unit_tests
	$(UNIT_DIR)/unit_tests --gtest_brief=1

# ---- the Flex simulator

simulator:
	$(MAKE) -C test/flexsim

# ---- benchmarks (bench/run installs what they need)

BENCH_CXXFLAGS = -std=c++20 -O2 -g -Wall -Wextra -Wshadow $(FLEX_SYNC_CXXFLAGS) -Isrc -Itest -isystem $(shell $(PG_CONFIG) --includedir) \
	$(shell curl-config --cflags)
BENCHES = build/bench/sync_bench build/bench/crowd_bench build/bench/size_bench build/bench/cpu_bench build/bench/limit_bench build/bench/journal_bench
BENCH_OBJS = $(patsubst %.cpp,build/bench/%.o,$(filter-out %_bench.cpp,$(wildcard bench/*.cpp test/driver/*.cpp)))
PLAN_BENCH_OBJS = $(patsubst %.cpp,build/bench/%.o,bench/plan_bench.cpp $(wildcard src/core/*.cpp))

build/bench/%.o: %.cpp Makefile
	@mkdir -p $(@D)
	$(CXX) -MMD -MP $(BENCH_CXXFLAGS) -c -o $@ $<

-include $(BENCH_OBJS:.o=.d) $(BENCHES:build/bench/%=build/bench/bench/%.d) $(PLAN_BENCH_OBJS:.o=.d)

$(BENCHES): build/bench/%: build/bench/bench/%.o $(BENCH_OBJS)
	$(CXX) $(BENCH_CXXFLAGS) -o $@ $^ $(shell curl-config --libs) -L$(shell $(PG_CONFIG) --libdir) -lpq

build/bench/plan_bench: $(PLAN_BENCH_OBJS)
	$(CXX) $(BENCH_CXXFLAGS) -o $@ $^ -lbenchmark -lpthread

bench:
	bench/run $(BENCH_RUNS)

# ---- chaos: random scripts against a server and simulators, and what must hold after them

CHAOS_SCRIPTS ?= 20000
CHAOS_OBJS = $(patsubst %.cpp,build/chaos/%.o,$(wildcard test/chaos/*.cpp test/driver/*.cpp))
CHAOS_CXXFLAGS = -std=c++20 -O1 -g -Wall -Wextra -Wshadow $(FLEX_SYNC_CXXFLAGS) -Itest -isystem $(shell $(PG_CONFIG) --includedir) \
	$(shell curl-config --cflags)

build/chaos/%.o: %.cpp Makefile
	@mkdir -p $(@D)
	$(CXX) -MMD -MP $(CHAOS_CXXFLAGS) -c -o $@ $<

-include $(CHAOS_OBJS:.o=.d)

build/chaos/chaos: $(CHAOS_OBJS)
	@mkdir -p $(@D)
	$(CXX) $(CHAOS_CXXFLAGS) -o $@ $^ $(shell curl-config --libs) -L$(shell $(PG_CONFIG) --libdir) -lpq -lpthread

# CHAOS_OPTIONS: "--seed N --only N" plays a script again.
chaos: all simulator build/chaos/chaos
	test/chaos/run --scripts $(CHAOS_SCRIPTS) $(CHAOS_OPTIONS)

# ---- the protocol as a model (spin)

model:
	test/model/run

# ---- fuzzing: a libFuzzer target for each decoder of what comes from outside (clang and its runtime)

FUZZ_CXX ?= clang++
FUZZ_SECONDS ?= 60
FUZZ_TARGETS = $(patsubst test/fuzz/%_fuzz.cpp,build/fuzz/%,$(wildcard test/fuzz/*_fuzz.cpp))
FUZZ_CXXFLAGS = -std=c++20 -O1 -g -Wall -Wextra -Wshadow -Wno-ambiguous-reversed-operator -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=undefined -fsanitize-ignorelist=test/fuzz/ignored.txt -Isrc -Itest/fuzz $(shell curl-config --cflags)
# Each target takes what it needs of these; none of them needs more.
FUZZED = $(addprefix src/,core/ids.cpp core/crew.cpp flex/added_line.cpp flex/listing.cpp flex/listing_handler.cpp \
	flex/retry_after.cpp flex/url.cpp)

build/fuzz/%: test/fuzz/%_fuzz.cpp test/fuzz/fuzz.hpp test/fuzz/ignored.txt $(FUZZED) $(wildcard src/core/*.hpp src/flex/*.hpp)
	@mkdir -p $(@D)
	$(FUZZ_CXX) $(FUZZ_CXXFLAGS) -o $@ $< $(FUZZED) $(shell curl-config --libs)

# What a run finds beyond the corpus stays in build/fuzz, and serves the next one.
fuzz: $(FUZZ_TARGETS)
	test/fuzz/run $(FUZZ_SECONDS) $(notdir $(FUZZ_TARGETS))

# ---- mutation testing: small changes of core, each of which a unit test should notice (clang)

MUTATION_OBJS = $(filter-out $(UNIT_DIR)/src/core/%,$(UNIT_OBJS))

# MUTATION_OPTIONS: "--list" shows the mutants, "--only src/core/plan.cpp" tests some.
mutation: $(MUTATION_OBJS)
	test/mutation/run $(MUTATION_OPTIONS) $(MUTATION_OBJS)

# ---- memory: the unit tests, the extension's tests and some chaos under sanitizers

memcheck: simulator
	$(MAKE) unit UNIT_DIR=build/unit-sanitized UNIT_SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=undefined"
	test/memcheck/run

# ---- what goes to PGXN: the last commit

DIST_VERSION = $(shell sed -n 's/^   "version": "\(.*\)",$$/\1/p' META.json)

dist:
	git archive --format=zip --prefix=flex_sync-$(DIST_VERSION)/ --output=flex_sync-$(DIST_VERSION).zip HEAD

# ---- the rest

FORMATTED = $(wildcard src/core/*.?pp src/flex/*.?pp src/pg/*/*.?pp test/unit/*.?pp test/flexsim/*.?pp bench/*.?pp test/chaos/*.?pp test/driver/*.?pp test/fuzz/*.?pp)

format:
	clang-format -i $(FORMATTED)

check-format:
	clang-format --dry-run -Werror $(FORMATTED)
