/* SPDX-License-Identifier: Apache-2.0 */
/* Linux system calls without a library (numbers: asm-generic/unistd.h, asm/unistd_64.h), and the marks that the counting plugin sees. */
#ifndef BENCH_WORK_LINUX_H
#define BENCH_WORK_LINUX_H

#include <stddef.h>
#include <stdint.h>

#ifdef __aarch64__
#define SYS_openat 56
#define SYS_close 57
#define SYS_read 63
#define SYS_write 64
#define SYS_pread64 67
#define SYS_exit 93
#define SYS_nanosleep 101
#define SYS_socket 198
#define SYS_bind 200
#define SYS_listen 201
#define SYS_accept 202
#define SYS_connect 203
#define SYS_sendto 206
#define SYS_recvfrom 207
#define SYS_setsockopt 208
#define O_DIRECT 0200000
#define MARK(n) "hint #(0x60 + " #n ")"
#define START(function) "    mov x0, sp\n    bl " function "\n"
#else
#define SYS_read 0
#define SYS_write 1
#define SYS_close 3
#define SYS_pread64 17
#define SYS_nanosleep 35
#define SYS_socket 41
#define SYS_connect 42
#define SYS_accept 43
#define SYS_sendto 44
#define SYS_recvfrom 45
#define SYS_bind 49
#define SYS_listen 50
#define SYS_setsockopt 54
#define SYS_exit 60
#define SYS_openat 257
#define O_DIRECT 040000
#define MARK(n) ".byte 0x0f, 0x1f, 0x80, 0x60 + " #n ", 0x4d, 0x43, 0x56"
#define START(function) "    mov %rsp, %rdi\n    andq $-16, %rsp\n    call " function "\n"
#endif

#define AT_FDCWD (-100)
#define AF_INET 2
#define SOCK_STREAM 1
#define SOCK_RAW 3
#define IPPROTO_ICMP 1
#define SOL_SOCKET 1
#define SO_REUSEADDR 2

struct sockaddr_in {
    uint16_t family;
    uint16_t port;
    uint32_t address;
    uint8_t zero[8];
};

#ifdef __aarch64__
static inline long syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long x8 asm("x8") = nr;
    register long x0 asm("x0") = a;
    register long x1 asm("x1") = b;
    register long x2 asm("x2") = c;
    register long x3 asm("x3") = d;
    register long x4 asm("x4") = e;
    register long x5 asm("x5") = f;

    asm volatile("svc #0"
                 : "+r"(x0)
                 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                 : "memory");
    return x0;
}
#else
static inline long syscall6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long r10 asm("r10") = d;
    register long r8 asm("r8") = e;
    register long r9 asm("r9") = f;

    asm volatile("syscall" : "+a"(nr) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
    return nr;
}
#endif

#define syscall3(nr, a, b, c) syscall6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)

#endif
