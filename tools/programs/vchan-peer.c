/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two domains exchange data over libxenvchan and say what each sent and received:
 *
 *   vchan-peer server DOMID PATH BYTES     offers the channel at the xenstore path, sends, then receives
 *   vchan-peer client DOMID PATH BYTES     receives, then sends
 *
 * Prints "sent SUM received SUM" (hexadecimal): what one has sent the other must have received.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <libxenvchan.h>

#define RING_BYTES 65536
#define CHUNK 12345

/* The 64-bit hash of Fowler, Noll and Vo. */
#define SUM_START UINT64_C(0xcbf29ce484222325)

static uint64_t sum(uint64_t s, const unsigned char *data, size_t n)
{
    for (size_t i = 0; i < n; i++)
        s = (s ^ data[i]) * UINT64_C(0x100000001b3);
    return s;
}

static void fill(unsigned char *data, size_t n, uint64_t *state)
{
    for (size_t i = 0; i < n; i++) {
        *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
        data[i] = (unsigned char)(*state >> 56);
    }
}

static int stop(const char *what)
{
    fprintf(stderr, "vchan-peer: %s: %s\n", what, strerror(errno));
    return 1;
}

static int send_all(struct libxenvchan *channel, size_t bytes, uint64_t *total)
{
    unsigned char data[CHUNK];
    uint64_t state = (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();

    for (size_t done = 0; done < bytes;) {
        size_t n = bytes - done < CHUNK ? bytes - done : CHUNK;

        fill(data, n, &state);
        for (size_t at = 0; at < n;) {
            int written = libxenvchan_write(channel, data + at, n - at);

            if (written <= 0)
                return stop("write");
            at += (size_t)written;
        }
        *total = sum(*total, data, n);
        done += n;
    }
    return 0;
}

static int receive_all(struct libxenvchan *channel, size_t bytes, uint64_t *total)
{
    unsigned char data[CHUNK];

    for (size_t done = 0; done < bytes;) {
        int n = libxenvchan_read(channel, data, bytes - done < CHUNK ? bytes - done : CHUNK);

        if (n <= 0)
            return stop("read");
        *total = sum(*total, data, (size_t)n);
        done += (size_t)n;
    }
    return 0;
}

/* The other side may not be there yet. */
static struct libxenvchan *open_client(int domid, const char *path)
{
    struct libxenvchan *channel = NULL;

    for (int tries = 0; !channel && tries < 600; tries++) {
        channel = libxenvchan_client_init(NULL, domid, path);
        if (!channel)
            usleep(100000);
    }
    return channel;
}

int main(int argc, char **argv)
{
    uint64_t sent = SUM_START, received = SUM_START;
    struct libxenvchan *channel;
    int server, failed;
    size_t bytes;

    if (argc != 5 || (strcmp(argv[1], "server") && strcmp(argv[1], "client"))) {
        fprintf(stderr, "usage: vchan-peer server|client DOMID PATH BYTES\n");
        return 2;
    }
    server = !strcmp(argv[1], "server");
    bytes = strtoul(argv[4], NULL, 0);
    channel = server ? libxenvchan_server_init(NULL, atoi(argv[2]), argv[3], RING_BYTES, RING_BYTES) :
                       open_client(atoi(argv[2]), argv[3]);
    if (!channel)
        return stop("open");
    channel->blocking = 1;
    failed = server ? send_all(channel, bytes, &sent) || receive_all(channel, bytes, &received) :
                      receive_all(channel, bytes, &received) || send_all(channel, bytes, &sent);
    /* The ring goes with the one that offered it: it leaves last. */
    if (!failed && !server)
        while (libxenvchan_is_open(channel) == 1 && libxenvchan_buffer_space(channel) < RING_BYTES)
            usleep(10000);
    libxenvchan_close(channel);
    if (failed)
        return 1;
    printf("sent %016" PRIx64 " received %016" PRIx64 "\n", sent, received);
    return 0;
}
