# cadre - Mixture-of-Experts in C.   make | make demo | make check | make check-long | make bench | make install
#
#   BUILD=DIR   where everything is made (default build)      SAN=address,undefined | thread   sanitizers
#   CC CFLAGS LDFLAGS   are respected; flags that correctness needs are added after them      V=1   show commands

BUILD   ?= build
PREFIX  ?= /usr
CFLAGS  ?= -O2 -g
VERSION := $(shell sed -n 's/.*CADRE_VERSION "\(.*\)".*/\1/p' include/cadre.h)
SONAME  := libcadre.so.0

PACKAGES := jansson libpcre2-8 libutf8proc libxxhash
PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null || echo -ljansson -lpcre2-8 -lutf8proc -lxxhash)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
MUST := -std=c17 -ffp-contract=off -fno-math-errno -fPIC -fvisibility=hidden -pthread -Iinclude -Isrc
ifdef SAN
MUST += -fsanitize=$(SAN) -fno-omit-frame-pointer
endif
ifdef REAL
MUST += -DCADRE_REAL_DOUBLE
endif
LIBS := $(PKG_LIBS) -pthread -lm -ldl

Q := $(if $(V),,@)
ARCH := $(shell $(CC) -dumpmachine | cut -d- -f1)

# Kernel variants: one file each, stamped with its own instruction set. The others are left out where the compiler's
# target has no such instructions.
SRC := $(sort $(wildcard src/*/*.c))
ifneq ($(ARCH),x86_64)
SRC := $(filter-out src/kernel/%_avx2.c src/kernel/%_avx512.c,$(SRC))
endif
ifneq ($(ARCH),aarch64)
SRC := $(filter-out src/kernel/%_neon.c,$(SRC))
endif
VARIANT_avx2   := -O3 -mavx2 -mfma -mf16c
VARIANT_avx512 := -O3 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c -mprefer-vector-width=512
variant = $(or $(foreach v,avx2 avx512,$(if $(filter %_$(v).c,$1),$(VARIANT_$(v)))),$(if $(filter src/kernel/%,$1),-O3))

LIB_SRC := $(filter-out src/cli/%,$(SRC))
LIB_OBJ := $(LIB_SRC:src/%.c=$(BUILD)/obj/%.o)
CLI_OBJ := $(patsubst src/%.c,$(BUILD)/obj/%.o,$(filter src/cli/%,$(SRC)))

all: $(BUILD)/cadre $(BUILD)/libcadre.so $(BUILD)/cadre.pc

$(BUILD)/obj/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(WARN) $(PKG_CFLAGS) $(MUST) $(strip $(call variant,$<)) -MMD -MP -c $< -o $@

$(BUILD)/libcadre.a: $(LIB_OBJ)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/libcadre.so: $(LIB_OBJ)
	$(Q)$(CC) -shared -Wl,-soname,$(SONAME) $(MUST) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/cadre: $(CLI_OBJ) $(BUILD)/libcadre.a
	$(Q)$(CC) $(MUST) $(LDFLAGS) -o $@ $(CLI_OBJ) $(BUILD)/libcadre.a $(LIBS)

$(BUILD)/cadre.pc: include/cadre.h Makefile
	@mkdir -p $(@D)
	$(Q)printf 'prefix=%s\nName: cadre\nDescription: Mixture-of-Experts in C\nVersion: %s\nRequires.private: %s\nLibs: -lcadre\nLibs.private: -lm -lpthread -ldl\nCflags:\n' \
	    '$(PREFIX)' '$(VERSION)' '$(PACKAGES)' > $@

# ---- tests: tests/ROOM/X_test.c -> BUILD/tests/ROOM/X_test, each one program of cmocka ----
TEST_SRC := $(sort $(wildcard tests/*/*_test.c))
TEST_SUPPORT := $(sort $(wildcard tests/support/*.c))
TEST_BIN := $(TEST_SRC:tests/%.c=$(BUILD)/tests/%)

$(BUILD)/tests/%: tests/%.c $(TEST_SUPPORT) $(BUILD)/libcadre.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(WARN) $(PKG_CFLAGS) $(MUST) -Itests -MMD -MP -MF $@.d -o $@ $< $(TEST_SUPPORT) $(BUILD)/libcadre.a $(LDFLAGS) -lcmocka $(LIBS)

tests: $(TEST_BIN)

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d) $(TEST_BIN:=.d)

clean:
	rm -rf $(BUILD) build-*

.PHONY: all tests clean
.SECONDARY:
