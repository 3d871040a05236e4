/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bench runs within dom0 and a guest. Each workload is warmed up,
 * then enclosed by two marks (a hint that the counting plugin sees):
 *
 *   work mark N                  one mark
 *   work block DEVICE SIZE N     N reads of SIZE bytes with O_DIRECT: random 4 KiB, else sequential
 *   work ping ADDRESS N          N echo requests, each answered before the next
 *   work serve PORT              in dom0: takes or gives what a client says
 *   work send|recv ADDRESS PORT MIB
 */

#include "bench/payload/linux.h"

#define BLOCK_MAX (1 << 20)
#define CHUNK 65536
#define MIB (1 << 20)

static uint8_t buffer[BLOCK_MAX] __attribute__((aligned(4096)));

#define MARK_CASE(n) \
    case n: \
        asm volatile(MARK(n) : : : "memory"); \
        break

static void mark(unsigned n)
{
    switch (n) {
        MARK_CASE(0); MARK_CASE(1); MARK_CASE(2); MARK_CASE(3);
        MARK_CASE(4); MARK_CASE(5); MARK_CASE(6); MARK_CASE(7);
        MARK_CASE(8); MARK_CASE(9); MARK_CASE(10); MARK_CASE(11);
        MARK_CASE(12); MARK_CASE(13); MARK_CASE(14); MARK_CASE(15);
    }
}

/* The compiler may ask for these even without a library. */
void *memset(void *to, int value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile uint8_t *)to)[i] = (uint8_t)value;
    return to;
}

static size_t length(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

static void say(const char *text)
{
    syscall3(SYS_write, 1, text, length(text));
}

static void leave(const char *text, int status)
{
    say(text);
    syscall3(SYS_exit, status, 0, 0);
}

static int same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static unsigned long number(const char *s)
{
    unsigned long v = 0;

    while (*s >= '0' && *s <= '9')
        v = v * 10 + (unsigned long)(*s++ - '0');
    return v;
}

static struct sockaddr_in address_of(const char *text, unsigned port)
{
    struct sockaddr_in a = { .family = AF_INET };
    uint8_t *bytes = (uint8_t *)&a.address;

    a.port = (uint16_t)((port << 8) | (port >> 8));
    for (unsigned i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)number(text);
        while (*text >= '0' && *text <= '9')
            text++;
        if (*text == '.')
            text++;
    }
    return a;
}

static uint64_t next_random(void)
{
    static uint64_t state = 42;

    state = state * 6364136223846793005UL + 1442695040888963407UL;
    return state >> 33;
}

static void read_blocks(long fd, unsigned long size, unsigned long count)
{
    for (unsigned long i = 0; i < count; i++) {
        unsigned long block = size == 4096 ? next_random() & 2047 : i & 7;
        long rc = syscall6(SYS_pread64, fd, (long)buffer, (long)size, (long)(block * size), 0, 0);

        if (rc != (long)size)
            leave("block: a read failed\n", 1);
    }
}

static void block(const char *device, unsigned long size, unsigned long count)
{
    long fd = syscall6(SYS_openat, AT_FDCWD, (long)device, O_DIRECT, 0, 0, 0);

    if (fd < 0 || size > BLOCK_MAX)
        leave("block: cannot open the device\n", 1);
    read_blocks(fd, size, count / 4 + 8);
    mark(4);
    read_blocks(fd, size, count);
    mark(5);
}

struct echo {
    uint8_t type, code;
    uint16_t checksum, id, sequence;
    uint8_t data[56];
};

static uint16_t checksum(const void *data, unsigned bytes)
{
    const uint16_t *words = data;
    uint32_t sum = 0;

    for (unsigned i = 0; i < bytes / 2; i++)
        sum += words[i];
    sum = (sum & 0xffff) + (sum >> 16);
    sum += sum >> 16;
    return (uint16_t)~sum;
}

static void echo_once(long fd, const struct sockaddr_in *to, uint16_t sequence)
{
    struct echo request = { .type = 8, .id = 0x4242, .sequence = sequence };
    uint8_t reply[256];
    long got;

    request.checksum = checksum(&request, sizeof(request));
    if (syscall6(SYS_sendto, fd, (long)&request, sizeof(request), 0, (long)to, sizeof(*to)) < 0)
        leave("ping: cannot send\n", 1);
    do {
        got = syscall6(SYS_recvfrom, fd, (long)reply, sizeof(reply), 0, 0, 0);
        if (got < 28)
            leave("ping: cannot receive\n", 1);
    } while (reply[20] != 0 || ((struct echo *)(reply + 20))->sequence != sequence);
}

static void ping(const char *address, unsigned long count)
{
    struct sockaddr_in to = address_of(address, 0);
    long fd = syscall3(SYS_socket, AF_INET, SOCK_RAW, IPPROTO_ICMP);

    if (fd < 0)
        leave("ping: no raw socket\n", 1);
    for (unsigned i = 0; i < 50; i++)
        echo_once(fd, &to, (uint16_t)i);
    mark(6);
    for (unsigned long i = 0; i < count; i++)
        echo_once(fd, &to, (uint16_t)(i + 50));
    mark(7);
}

static void give(long fd, unsigned long bytes)
{
    while (bytes) {
        long n = syscall3(SYS_write, fd, buffer, bytes < CHUNK ? bytes : CHUNK);

        if (n <= 0)
            leave("tcp: cannot write\n", 1);
        bytes -= (unsigned long)n;
    }
}

static void take(long fd, unsigned long bytes)
{
    while (bytes) {
        long n = syscall3(SYS_read, fd, buffer, bytes < CHUNK ? bytes : CHUNK);

        if (n <= 0)
            leave("tcp: cannot read\n", 1);
        bytes -= (unsigned long)n;
    }
}

/* A request is 'S' or 'R' and the MiB as 8 bytes; the client sends to us or receives from us. */
static void serve(unsigned port)
{
    struct sockaddr_in any = address_of("0.0.0.0", port);
    long listener = syscall3(SYS_socket, AF_INET, SOCK_STREAM, 0);
    int one = 1;

    syscall6(SYS_setsockopt, listener, SOL_SOCKET, SO_REUSEADDR, (long)&one, sizeof(one), 0);
    if (syscall3(SYS_bind, listener, &any, sizeof(any)) || syscall3(SYS_listen, listener, 4, 0))
        leave("serve: cannot listen\n", 1);
    for (;;) {
        long fd = syscall3(SYS_accept, listener, 0, 0);
        uint64_t request[2] = { 0, 0 };

        if (fd < 0 || syscall3(SYS_read, fd, request, sizeof(request)) != sizeof(request))
            continue;
        if (request[0] == 'S')
            take(fd, request[1]);
        else
            give(fd, request[1]);
        syscall3(SYS_write, fd, request, 1);
        syscall3(SYS_close, fd, 0, 0);
    }
}

/* One transfer; the server's last byte says that everything has arrived. */
static void transfer(const struct sockaddr_in *to, char direction, unsigned long bytes)
{
    uint64_t request[2] = { (uint64_t)direction, bytes };
    long fd = syscall3(SYS_socket, AF_INET, SOCK_STREAM, 0);

    if (syscall3(SYS_connect, fd, to, sizeof(*to)))
        leave("tcp: cannot connect\n", 1);
    syscall3(SYS_write, fd, request, sizeof(request));
    if (direction == 'S')
        give(fd, bytes);
    else
        take(fd, bytes);
    take(fd, 1);
    syscall3(SYS_close, fd, 0, 0);
}

static void tcp(char direction, const char *address, unsigned port, unsigned long mib)
{
    struct sockaddr_in to = address_of(address, port);

    transfer(&to, direction, 2 * MIB);
    mark(direction == 'S' ? 8 : 10);
    transfer(&to, direction, mib * MIB);
    mark(direction == 'S' ? 9 : 11);
}

static void run(long argc, char **argv)
{
    if (argc == 3 && same(argv[1], "mark"))
        mark((unsigned)number(argv[2]));
    else if (argc == 5 && same(argv[1], "block"))
        block(argv[2], number(argv[3]), number(argv[4]));
    else if (argc == 4 && same(argv[1], "ping"))
        ping(argv[2], number(argv[3]));
    else if (argc == 3 && same(argv[1], "serve"))
        serve((unsigned)number(argv[2]));
    else if (argc == 5 && same(argv[1], "send"))
        tcp('S', argv[2], (unsigned)number(argv[3]), number(argv[4]));
    else if (argc == 5 && same(argv[1], "recv"))
        tcp('R', argv[2], (unsigned)number(argv[3]), number(argv[4]));
    else
        leave("work: mark, block, ping, serve, send or recv\n", 2);
    leave("work: ok\n", 0);
}

void work_start(long *stack);
void work_start(long *stack)
{
    run(stack[0], (char **)(stack + 1));
}

asm(".global _start\n_start:\n" START("work_start"));
