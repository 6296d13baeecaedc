# The native addon. Included by the top Makefile: `make native` builds build/lib/mobiked.node (glibc),
# `make native-musl` build/musl/mobiked.node for the package, `make native-asan` build/asan/esp-plane, a stand-alone
# program that drives the plain-C part under AddressSanitizer and UBSan, `make native-fuzz` build/asan/native-fuzzer, the same
# for libFuzzer (clang), `make native-bench` prints the ESP plane's figures.
NATIVE := src/adapters/native
NATIVE_CORE := $(addprefix $(NATIVE)/,loop.c udp.c inner.c protect.c esp.c esp-index.c esp-sa.c tun.c netlink.c tcp.c icmp.c host.c x509.c)
NATIVE_NAPI := $(addprefix $(NATIVE)/,napi.c napi-args.c napi-host.c napi-x509.c)
NATIVE_HEADERS := $(wildcard $(NATIVE)/*.h)
NATIVE_CFLAGS := -std=gnu11 -O2 -fPIC -fvisibility=hidden -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wconversion
NATIVE_LINK := -shared -Wl,-z,relro,-z,now -s
NAPI_INCLUDE := -isystem node_modules/node-api-headers/include

.PHONY: native native-musl native-asan native-fuzz native-bench
native: build/lib/mobiked.node
native-musl: build/musl/mobiked.node
native-asan: build/asan/esp-plane build/asan/x509
native-fuzz: build/asan/native-fuzzer
native-bench: build/bench/esp-plane
	@build/bench/esp-plane

build/lib/mobiked.node: $(NATIVE_CORE) $(NATIVE_NAPI) $(NATIVE_HEADERS) node_modules/.stamp
	@mkdir -p $(@D)
	$(CC) $(NATIVE_CFLAGS) $(NAPI_INCLUDE) $(NATIVE_LINK) -o $@.tmp $(NATIVE_CORE) $(NATIVE_NAPI) -ldl -lpthread
	@mv $@.tmp $@

# musl brings no kernel headers: those of the build host stand behind its own.
build/musl/include/linux:
	@mkdir -p $(@D)
	@ln -sfn /usr/include/linux $(@D)/linux
	@ln -sfn /usr/include/asm-generic $(@D)/asm-generic
	@ln -sfn $(firstword $(wildcard /usr/include/$(shell uname -m)-linux-gnu/asm /usr/include/asm)) $(@D)/asm

build/musl/mobiked.node: $(NATIVE_CORE) $(NATIVE_NAPI) $(NATIVE_HEADERS) node_modules/.stamp | build/musl/include/linux
	@mkdir -p $(@D)
	musl-gcc $(filter-out -Wconversion,$(NATIVE_CFLAGS)) $(NAPI_INCLUDE) -idirafter build/musl/include $(NATIVE_LINK) -o $@.tmp $(NATIVE_CORE) $(NATIVE_NAPI)
	@mv $@.tmp $@

build/asan/esp-plane: $(NATIVE_CORE) $(NATIVE_HEADERS) test/fuzz/esp-plane.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -D_GNU_SOURCE -Wall -Wextra -Werror \
	  -I$(NATIVE) -o $@.tmp $(NATIVE_CORE) test/fuzz/esp-plane.c -ldl
	@mv $@.tmp $@

build/asan/x509: $(NATIVE)/x509.c $(NATIVE_HEADERS) test/fuzz/x509.c
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -D_GNU_SOURCE -Wall -Wextra -Werror \
	  -I$(NATIVE) -o $@.tmp $(NATIVE)/x509.c test/fuzz/x509.c -ldl
	@mv $@.tmp $@

build/asan/native-fuzzer: $(NATIVE_CORE) $(NATIVE_HEADERS) test/fuzz/esp-plane.c test/fuzz/native-fuzzer.c
	@mkdir -p $(@D)
	clang -std=gnu11 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -D_GNU_SOURCE -Wall -Wextra -Werror \
	  -I$(NATIVE) -o $@.tmp $(NATIVE_CORE) test/fuzz/native-fuzzer.c -ldl -lpthread
	@mv $@.tmp $@

build/bench/esp-plane: $(NATIVE_CORE) $(NATIVE_HEADERS) test/bench/esp-plane.c
	@mkdir -p $(@D)
	$(CC) $(NATIVE_CFLAGS) -I$(NATIVE) -o $@.tmp $(NATIVE_CORE) test/bench/esp-plane.c -ldl
	@mv $@.tmp $@
