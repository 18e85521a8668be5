# cadre - Mixture-of-Experts in C.
#
#   make | make demo | make demo-modality | make findings | make check | make check-long
#   make bench | make install | make uninstall
#   make manual             the man pages and the completion alone
#
#   BUILD=DIR               where everything is made (default build)
#   SAN=address,undefined   sanitizers; or thread
#   PREFIX=/usr/local LIBDIR=DIR DESTDIR=DIR   where things are installed
#   STRIP=:                 installs with debug symbols
#   REAL=double             computes in double
#   MPI=1                   insists on a plug-in for MPI; made anyway where mpicc.openmpi or
#                           mpicc.mpich is installed
#   HOSTCC=cc               compiler of this machine, where CC is another machine's
#   CC CFLAGS LDFLAGS       are respected; flags that correctness needs are added after them
#   V=1                     show commands
#   WERROR=1                warnings are errors
#   MINUTES=N               how long the demo trains
#   STEPS=N SEEDS="1 2 3" ONLY=PATTERN   of make findings: findings/findings.sh
#   FUZZ_SECONDS=N          how long a target is fuzzed
#   -jN                     N compilers at once (default: the cores)

# Targets that do more than compile run one after another.
DO_MORE := $(filter-out all manual tests replays build%,$(MAKECMDGOALS))
ifeq ($(MAKELEVEL)$(and $(word 2,$(MAKECMDGOALS)),$(DO_MORE)),0)
MAKEFLAGS += -j$(shell nproc)
endif

BUILD   ?= build
PREFIX  ?= /usr/local
CFLAGS  ?= -O2 -g
VERSION := $(shell sed -n 's/.*CADRE_VERSION "\(.*\)".*/\1/p' include/cadre/status.h)
SONAME  := libcadre.so.0

PKG_CONFIG ?= pkg-config
# Experts are read with io_uring where liburing is installed, else by threads.
URING := $(shell $(PKG_CONFIG) --exists liburing 2>/dev/null && echo liburing)
# Texts compressed by zstd are read where libzstd is installed.
ZSTD := $(shell $(PKG_CONFIG) --exists libzstd 2>/dev/null && echo libzstd)
PACKAGES := jansson libpcre2-8 libpng libutf8proc libxxhash libevent_core zlib $(URING) $(ZSTD)
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS   := $(shell $(PKG_CONFIG) --libs $(PACKAGES) 2>/dev/null || \
    echo -ljansson -lpcre2-8 -lpng16 -lutf8proc -lxxhash -levent_core -lz)
# Of the program alone: the library does without.
PROGRAM_PACKAGES := libedit
PROGRAM_LIBS := $(shell $(PKG_CONFIG) --libs $(PROGRAM_PACKAGES) 2>/dev/null || echo -ledit)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes \
    $(if $(WERROR),-Werror)
MUST := -std=c17 -ffp-contract=off -fno-math-errno -fPIC -fvisibility=hidden -pthread \
    -Iinclude -Isrc
ifdef SAN
MUST += -fsanitize=$(SAN) -fno-omit-frame-pointer
endif
ifdef REAL
MUST += -DCADRE_REAL_DOUBLE
endif
# Tests call what cadre.h does not declare. Builds with sanitizers or in double precision are for
# tests alone: all tests share one library there, whose names are visible. What is shipped hides
# them; there each test has its own copy, without its debug symbols, which would fill a small disk.
ifneq ($(SAN)$(REAL),)
MUST := $(filter-out -fvisibility=hidden,$(MUST))
WHOLE := $(BUILD)/whole.so
FOR_TESTS := -Wl,-rpath,'$$ORIGIN/../..:$$ORIGIN/..'
else
WHOLE := $(BUILD)/whole.a
FOR_TESTS := -Wl,--strip-debug
endif
# References to libpng, libevent, zlib, libzstd and liburing are weak, which alone would not make
# the linker keep them.
LIBS := -Wl,--push-state,--no-as-needed $(PKG_LIBS) -Wl,--pop-state -pthread -lm -ldl

Q := $(if $(V),,@)
arch_of = $(shell $1 -dumpmachine 2>/dev/null | cut -d- -f1)
ARCH := $(call arch_of,$(CC))

# A compiler for another machine: what it makes does not run here, so it is not asked for the man
# pages.
HOSTCC ?= cc
CROSS := $(filter-out $(ARCH),$(call arch_of,$(HOSTCC)))
ifeq ($(origin AR),default)
AR := $(shell $(CC) -print-prog-name=ar)
endif
STRIP ?= $(shell $(CC) -print-prog-name=strip)
OBJCOPY ?= $(shell $(CC) -print-prog-name=objcopy)

# Kernel variants: one file each, instantiated with its own instruction set. The others are left out
# where the compiler's target has no such instructions.
VARIANTS := avx2 avxvnni avx512 avx512vnni avx512bf16
SRC := $(filter-out src/dist/comm_mpi.c,$(sort $(wildcard src/*/*.c)))
ifneq ($(ARCH),x86_64)
SRC := $(filter-out $(foreach v,$(VARIANTS),src/kernel/%_$(v).c),$(SRC))
endif
ifneq ($(ARCH),aarch64)
SRC := $(filter-out src/kernel/%_neon.c,$(SRC))
endif
# Sanitizers blow unrolled kernels up: with them -O3 takes minutes where -O1 takes seconds. The
# build in double precision is for gradients, not for speed. Fuzzing, which is after what reads
# files, leaves the variants out.
# Hot loops begin at a cache line: else the time of a training step changes with whatever the linker
# puts before them.
KERNEL_O := $(if $(SAN)$(REAL),-O1,-O3 -falign-functions=64 -falign-loops=64)
VARIANT_O := $(KERNEL_O) $(if $(findstring fuzzer,$(SAN)),-fno-sanitize=all)
VARIANT_avx2   := $(VARIANT_O) -mavx2 -mfma -mf16c
VARIANT_avx512 := $(VARIANT_O) -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c \
    -mprefer-vector-width=512
VARIANT_avxvnni := $(VARIANT_avx2) -mavxvnni
VARIANT_avx512vnni := $(VARIANT_avx512) -mavx512vnni
VARIANT_avx512bf16 := $(VARIANT_avx512) -mavx512bf16
variant_flags = $(strip $(foreach v,$(VARIANTS),$(if $(filter %_$(v).c,$1),$(VARIANT_$(v)))))
variant = $(or $(call variant_flags,$1),$(if $(filter src/kernel/%,$1),$(KERNEL_O)))

WEB := $(sort $(wildcard web/page_*)) # embedded as strings: the report's style and scripts
LIVE := web/live_page.html web/page_style.css web/live_style.css web/page_start.js \
    web/live_feed.js web/live_map.js web/live_talk.js
LIB_SRC := $(filter-out src/cli/%,$(SRC))
LIB_OBJ := $(LIB_SRC:src/%.c=$(BUILD)/obj/%.o) $(WEB:%=$(BUILD)/obj/%.o) \
    $(BUILD)/obj/web/live_page.o
CLI_OBJ := $(patsubst src/%.c,$(BUILD)/obj/%.o,$(filter src/cli/%,$(SRC)))

# Many machines: one plug-in for each MPI whose compiler is here, opened at run time.
MPI_FLAVOURS := $(if $(CROSS),,$(foreach f,openmpi mpich,$(if $(shell command -v mpicc.$f),$f)))
PLUGINS := $(MPI_FLAVOURS:%=$(BUILD)/cadre-mpi-%.so)
ifneq ($(MPI),)
ifeq ($(PLUGINS),)
$(error MPI=$(MPI) needs mpicc.openmpi or mpicc.mpich. On Debian: ./install-packages mpi)
endif
endif

all: $(BUILD)/cadre $(BUILD)/libcadre.so $(BUILD)/libcadre.a $(PLUGINS) $(if $(CROSS),,manual)
	@$(PROGRESS_END)

# What is compiled needs these headers: a sentence says which package has one that is missing.
build-headers test-headers: %-headers:
	@tools/find-headers.sh $* $(CC) $(CFLAGS) $(PKG_CFLAGS)

$(BUILD)/obj/%.o: src/%.c Makefile | build-headers
	@mkdir -p $(@D)
	@$(PROGRESS)
	$(Q)$(CC) $(CFLAGS) $(WARN) $(PKG_CFLAGS) $(MUST) $(strip $(call variant,$<)) -MMD -MP -c $< -o $@

# gcc 12 takes MPICH's constant for "no statuses" for an array.
$(BUILD)/cadre-mpi-%.so: src/dist/comm_mpi.c src/dist/transport.h Makefile
	@mkdir -p $(@D)
	$(Q)OMPI_CC="$(CC)" MPICH_CC="$(CC)" mpicc.$* $(CFLAGS) $(WARN) \
	    -Wno-unknown-warning-option -Wno-stringop-overflow $(filter-out -fsanitize%,$(MUST)) \
	    -shared $(LDFLAGS) -o $@ $<

$(BUILD)/obj/base/read_uring.o: MUST += $(if $(URING),-DCADRE_URING)
$(BUILD)/obj/format/unpacked_file.o: MUST += $(if $(ZSTD),-DCADRE_ZSTD)

MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
$(BUILD)/obj/dist/launcher.o: MUST += $(if $(MULTIARCH),-DCADRE_MULTIARCH='"$(MULTIARCH)"')

$(BUILD)/obj/web/%.c: web/% tools/embed.sh
	@mkdir -p $(@D)
	$(Q)tools/embed.sh $< > $@

$(BUILD)/obj/web/live_page.c: $(LIVE) tools/live-page.sh
	@mkdir -p $(@D)
	$(Q)tools/live-page.sh $(LIVE) > $@

$(BUILD)/obj/web/%.o: $(BUILD)/obj/web/%.c
	$(Q)$(CC) $(CFLAGS) $(MUST) -c $< -o $@

# The archive that is installed is one object, in which what cadre.h does not declare is local: it
# takes no name from a program that links it. Tests, which call the rest too, link $(WHOLE).
# LTO ends here: its symbols cannot be made local.
LTO_ENDS = $(if $(findstring -flto,$(CFLAGS)),-flinker-output=nolto-rel)
$(BUILD)/libcadre.o: $(LIB_OBJ)
	$(Q)$(CC) $(CFLAGS) $(LTO_ENDS) -r -nostdlib -o $@ $^ && \
	    $(OBJCOPY) --localize-hidden $@

$(BUILD)/libcadre.a: $(BUILD)/libcadre.o
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/whole.a: $(LIB_OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/whole.so: $(LIB_OBJ)
	$(Q)$(CC) -shared -Wl,-soname,$(@F) -Wl,-Bsymbolic $(MUST) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libcadre.so: $(LIB_OBJ)
	$(Q)$(CC) -shared -Wl,-soname,$(SONAME) $(MUST) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/cadre: $(CLI_OBJ) $(BUILD)/libcadre.a
	$(Q)$(CC) $(MUST) $(LDFLAGS) -o $@ $(CLI_OBJ) $(BUILD)/libcadre.a $(PROGRAM_LIBS) $(LIBS)

# Man pages and the completion come from the program's own tables: where it is another machine's,
# from one that HOSTCC makes.
PAGER := $(if $(CROSS),$(BUILD)/native/cadre,$(BUILD)/cadre)
manual: $(BUILD)/manual/cadre.1
$(BUILD)/manual/cadre.1: $(PAGER)
	$(Q)rm -rf $(@D) && mkdir -p $(@D) && $< help --pages $(@D)

ifneq ($(CROSS),)
$(BUILD)/native/cadre: $(SRC) $(WEB) Makefile
	@+$(MAKE) --no-print-directory CC="$(HOSTCC)" CFLAGS=-O1 LDFLAGS= AR=ar \
	    PKG_CONFIG=pkg-config BUILD=$(@D) $@
endif

# ---- tests: tests/ROOM/X_test.c -> BUILD/tests/ROOM/X_test, each one program of cmocka ----
TEST_SRC := $(sort $(wildcard tests/*/*_test.c))
TEST_SUPPORT := $(sort $(wildcard tests/support/*.c))
TEST_BIN := $(TEST_SRC:tests/%.c=$(BUILD)/tests/%)

$(BUILD)/tests/%.o: tests/%.c Makefile | build-headers test-headers
	@mkdir -p $(@D)
	@$(PROGRESS)
	$(Q)$(CC) $(CFLAGS) $(WARN) $(PKG_CFLAGS) $(MUST) -Itests -MMD -MP -c $< -o $@

$(BUILD)/tests/support.a: $(TEST_SUPPORT:tests/%.c=$(BUILD)/tests/%.o)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/tests/%_test: $(BUILD)/tests/%_test.o $(BUILD)/tests/support.a $(WHOLE)
	$(Q)$(CC) $(MUST) $(FOR_TESTS) $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

tests: $(TEST_BIN)
	@$(PROGRESS_END)

# On a terminal, how far the compilers are: "build: 57 of 268 files", written over itself.
ifeq ($(shell test -t 2 && echo terminal)$(V),terminal)
GOALS := $(or $(MAKECMDGOALS),all)
TEST_OBJ := $(if $(filter tests,$(GOALS)),$(TEST_BIN),$(filter %_test,$(GOALS)))
TEST_OBJ := $(if $(TEST_OBJ),$(TEST_OBJ:%=%.o) $(TEST_SUPPORT:tests/%.c=$(BUILD)/tests/%.o))
OBJ := $(LIB_OBJ) $(if $(filter all install manual %/cadre,$(GOALS)),$(CLI_OBJ)) $(TEST_OBJ)
TO_DO := $(words $(filter-out $(wildcard $(OBJ)),$(OBJ)))
PROGRESS = $(eval DONE += x)printf '\r$(BUILD): %d of %d files\r' $(words $(DONE)) $(TO_DO) >&2
PROGRESS_END := printf '\033[K' >&2
else
PROGRESS := :
PROGRESS_END := :
endif

# ---- fuzzing: fuzz/X_fuzz.c is a target; fuzz/corpus/X holds what it has found before ----
FUZZ_SECONDS ?= 30
FUZZ_FLAGS := -rss_limit_mb=1024 -malloc_limit_mb=64 -timeout=5 -max_len=8192 \
    -use_value_profile=1 -print_final_stats=1
FUZZ_SUPPORT := $(wildcard tests/support/*_sample.c)
FUZZ_TARGETS := $(patsubst fuzz/%_fuzz.c,%,$(wildcard fuzz/*_fuzz.c))
FUZZ_BUILD = $(CC) $(CFLAGS) $(WARN) $(PKG_CFLAGS) $(MUST) -Ifuzz -Itests -o $@ \
    $(filter %.c %.a %.so,$^) $(FOR_TESTS) $(LDFLAGS) $(LIBS)

$(BUILD)/fuzz/seeds: fuzz/seeds.c $(FUZZ_SUPPORT) $(WHOLE)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_BUILD)

$(BUILD)/fuzz/%_replay: fuzz/replay.c fuzz/%_fuzz.c fuzz/fuzz.h $(FUZZ_SUPPORT) $(WHOLE)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_BUILD)

$(BUILD)/fuzz/%_fuzz: fuzz/%_fuzz.c fuzz/fuzz.h $(FUZZ_SUPPORT) $(WHOLE)
	@mkdir -p $(@D)
	$(Q)$(FUZZ_BUILD) -fsanitize=fuzzer

replays: $(BUILD)/fuzz/seeds $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%_replay)
	@$(PROGRESS_END)

# Each target for FUZZ_SECONDS, from seeds, corpus and what earlier runs here have found.
fuzz:
	@./install-packages build fuzz
	@+$(MAKE) --no-print-directory CC=clang SAN=fuzzer-no-link,address,undefined WARN=-w \
	    BUILD=build-fuzz fuzz-here

fuzz-here: $(BUILD)/fuzz/seeds $(FUZZ_TARGETS:%=$(BUILD)/fuzz/%_fuzz)
	@$(BUILD)/fuzz/seeds $(BUILD)/found
	@for target in $(FUZZ_TARGETS); do \
	    mkdir -p $(BUILD)/found/$$target fuzz/corpus/$$target; \
	    log=$(BUILD)/fuzz/$$target.log; \
	    UBSAN_OPTIONS=halt_on_error=1 $(BUILD)/fuzz/$${target}_fuzz $(FUZZ_FLAGS) \
	        -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$(BUILD)/fuzz/$$target- \
	        $$(ls fuzz/$$target.dict 2>/dev/null | sed 's/^/-dict=/') \
	        $(BUILD)/found/$$target fuzz/corpus/$$target > $$log 2>&1 || \
	        { tail -40 $$log; exit 1; }; \
	    inputs=$$(sed -n 's/^stat::number_of_executed_units: *//p' $$log); \
	    echo "ok fuzz $$target, $$inputs inputs"; \
	done

# Benchmarks are tried as they are shipped: under sanitizers they take minutes. So are ranks, for
# the plug-ins of MPI are built for what is shipped.
SHIPPED_TESTS := tests/cli/bench.t tests/cli/train-ranks.t
CLI_TESTS := $(filter-out $(SHIPPED_TESTS),$(sort $(wildcard tests/cli/*.t)))

# The unit tests run under sanitizers; those that compare gradients also in double precision; the
# command line's as files; the commands of the documents as they are shipped.
GRADIENT_SRC := $(shell grep -l 'support/gradient.h' $(TEST_SRC) /dev/null)
GRADIENT_TESTS := $(GRADIENT_SRC:tests/%.c=build-double/tests/%)
check:
	@./install-packages build test
	@+$(MAKE) --no-print-directory SAN=address,undefined BUILD=build-asan \
	    tests replays build-asan/cadre
	@+$(MAKE) --no-print-directory REAL=double BUILD=build-double \
	    $(GRADIENT_TESTS)
	@+$(MAKE) --no-print-directory all
	@tests/run-tests $(BUILD)/cadre:tests/docs $(TEST_SRC:tests/%.c=build-asan/tests/%) \
	    $(GRADIENT_TESTS) tests/house build-asan/fuzz:fuzz $(SHIPPED_TESTS:%=$(BUILD)/cadre:%) \
	    $(BUILD)/cadre:tests/adding $(BUILD)/cadre:tests/circles \
	    $(BUILD)/cadre:tests/ranks $(CLI_TESTS:%=build-asan/cadre:%)
	@echo "disk: $$(du -shc $(BUILD) build-asan build-double | tail -1 | cut -f1)"

# Slower: threads under their own sanitizer; everything once more as it is shipped, in the
# long form that some tests have (support/long.h); long runs of one character, thousands of damaged
# models, and fuzzing.
check-long: check
	@+$(MAKE) --no-print-directory SAN=thread BUILD=build-tsan tests
	@+$(MAKE) --no-print-directory all tests
	@CADRE_SCHEDULES=1000 tests/run-tests $(TEST_SRC:tests/%.c=build-tsan/tests/%)
	@CADRE_TEST_LONG=1 tests/run-tests $(TEST_BIN) $(CLI_TESTS:%=$(BUILD)/cadre:%) tests/installed
	@tests/linear $(BUILD)/cadre
	@tests/serve/page $(BUILD)/cadre
	@LOOSE=1 CROWD=0.2 tests/serve/load build-asan/cadre 3
	@tests/serve/outside
	@tests/findings $(BUILD)/cadre
	@tests/mutate build-asan/cadre
	@+$(MAKE) --no-print-directory fuzz

bench: $(BUILD)/cadre
	@for what in gemm layer train; do $(BUILD)/cadre bench $$what --json || exit; done

demo:
	@./install-packages build demo
	@+$(MAKE) --no-print-directory all
	@demo/demo.sh $(BUILD)/cadre

# Text and images: flags and icons with their names.
demo-modality:
	@./install-packages build demo
	@+$(MAKE) --no-print-directory all
	@demo/modality.sh $(BUILD)/cadre

# An hour on two cores; what is done stays done. The page is findings/out/findings.html.
findings:
	@./install-packages build demo
	@+$(MAKE) --no-print-directory all
	@findings/findings.sh $(BUILD)/cadre

# ---- installation: below /usr/local, or where PREFIX says; without debug symbols, which stay in
# BUILD ----
LIBDIR ?= $(PREFIX)/lib$(addprefix /,$(shell $(CC) -print-multiarch))
INCLUDEDIR := $(PREFIX)/include
MANDIR := $(PREFIX)/share/man/man1
COMPLETIONS := $(PREFIX)/share/bash-completion/completions
define PC
prefix=$(PREFIX)
libdir=$(LIBDIR)
includedir=$(INCLUDEDIR)

Name: cadre
Description: Mixture-of-Experts in C
Version: $(VERSION)
Requires.private: $(PACKAGES)
Libs: -L$${libdir} -lcadre
Libs.private: -lm -pthread -ldl
Cflags: -I$${includedir}
endef
export PC

# The loader learns of the library (or that it is gone) where the files are meant for this system
# and root may tell it.
TELL_LOADER = [ -n "$(DESTDIR)" ] || [ "$$(id -u)" != 0 ] || PATH="$$PATH:/usr/sbin:/sbin" ldconfig

install: all
	install -D -m 755 $(BUILD)/cadre $(DESTDIR)$(PREFIX)/bin/cadre
	install -D -m 644 $(BUILD)/libcadre.so $(DESTDIR)$(LIBDIR)/libcadre.so.$(VERSION)
	install -D -m 644 $(BUILD)/libcadre.a $(DESTDIR)$(LIBDIR)/libcadre.a
	$(STRIP) --strip-unneeded $(DESTDIR)$(PREFIX)/bin/cadre $(DESTDIR)$(LIBDIR)/libcadre.so.$(VERSION)
	$(STRIP) --strip-debug $(DESTDIR)$(LIBDIR)/libcadre.a
	ln -sf libcadre.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libcadre.so
	$(foreach p,$(PLUGINS),install -D -m 644 $p $(DESTDIR)$(LIBDIR)/cadre/$(notdir $p) && \
	    $(STRIP) --strip-unneeded $(DESTDIR)$(LIBDIR)/cadre/$(notdir $p) &&) true
	install -d $(DESTDIR)$(INCLUDEDIR)/cadre
	install -m 644 include/cadre.h $(DESTDIR)$(INCLUDEDIR)
	install -m 644 include/cadre/*.h $(DESTDIR)$(INCLUDEDIR)/cadre
	install -d $(DESTDIR)$(LIBDIR)/pkgconfig && echo "$$PC" > $(DESTDIR)$(LIBDIR)/pkgconfig/cadre.pc
	@if [ -f $(BUILD)/manual/cadre.1 ]; then set -x && \
	    install -d $(DESTDIR)$(MANDIR) && install -m 644 $(BUILD)/manual/*.1 $(DESTDIR)$(MANDIR) && \
	    install -D -m 644 $(BUILD)/manual/completion.bash $(DESTDIR)$(COMPLETIONS)/cadre; \
	else \
	    echo "The man pages and the completion are left out: the program writes them, and it does" \
	        "not run on this machine." && \
	    echo "'make manual HOSTCC=cc' with the same options, before 'make install', builds one" \
	        "that does."; \
	fi
	@$(TELL_LOADER)

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/cadre $(DESTDIR)$(INCLUDEDIR)/cadre.h
	rm -f $(patsubst include/%,$(DESTDIR)$(INCLUDEDIR)/%,$(wildcard include/cadre/*.h))
	rm -f $(DESTDIR)$(LIBDIR)/libcadre.a $(DESTDIR)$(LIBDIR)/libcadre.so*
	rm -f $(DESTDIR)$(LIBDIR)/cadre/cadre-mpi-*.so
	rm -f $(DESTDIR)$(LIBDIR)/pkgconfig/cadre.pc
	rm -f $(DESTDIR)$(MANDIR)/cadre.1 $(DESTDIR)$(MANDIR)/cadre-*.1 $(DESTDIR)$(COMPLETIONS)/cadre
	@-rmdir $(DESTDIR)$(INCLUDEDIR)/cadre $(DESTDIR)$(LIBDIR)/cadre \
	    $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(COMPLETIONS) \
	    $(DESTDIR)$(dir $(COMPLETIONS)) 2>/dev/null || true
	@$(TELL_LOADER)

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TEST_BIN:=.d)
-include $(TEST_SUPPORT:tests/%.c=$(BUILD)/tests/%.d)

clean:
	rm -rf $(BUILD) build-*

.PHONY: all manual build-headers test-headers tests replays fuzz fuzz-here demo demo-modality \
    findings check check-long bench install uninstall clean
.SECONDARY:
