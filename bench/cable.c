/* cable - carries packets between the two ends of a cable, late and no faster than it.
 *
 * usage: cable DESCRIPTOR DESCRIPTOR BYTES/S SECONDS
 *
 * The descriptors are open TAP devices. A packet takes its bytes / rate, one after another in each
 * direction, and arrives a delay later. The cable waits asleep, with the precision of a program of
 * real-time priority: a real one would not take the ranks' cores, and this one takes little of
 * them. bench/machines compiles and runs it. */
#define _GNU_SOURCE
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { PACKET = 65536, MOST_PACKETS = 1024, WAYS = 2 };

typedef struct packet {
    double due; /* when it arrives */
    ssize_t bytes;
    char data[PACKET];
} packet;

/* One direction */
typedef struct way {
    int from, to;
    double free;          /* when the last packet has left */
    unsigned long taken;  /* packets so far */
    unsigned long passed; /* of which have arrived */
    packet *packets;      /* [MOST_PACKETS], a ring */
} way;

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static packet *at(const way *w, unsigned long i) { return &w->packets[i % MOST_PACKETS]; }

static void take(way *w, double rate, double delay)
{
    packet *p = at(w, w->taken);
    p->bytes = read(w->from, p->data, PACKET);
    if (p->bytes <= 0) return;
    double now = seconds();
    w->free = (w->free > now ? w->free : now) + (double)p->bytes / rate;
    p->due = w->free + delay;
    w->taken++;
}

/* Delivers what is due. Returns the seconds until the next packet is. */
static double deliver(way *w)
{
    for (; w->passed < w->taken; w->passed++) {
        packet *p = at(w, w->passed);
        double left = p->due - seconds();
        if (left > 0) return left;
        if (write(w->to, p->data, (size_t)p->bytes) < 0) continue; /* the end is down */
    }
    return 1;
}

static void carry(way *ways, double rate, double delay)
{
    for (;;) {
        double left = 1;
        struct pollfd ends[WAYS];
        for (int i = 0; i < WAYS; i++) {
            double next = deliver(&ways[i]);
            if (next < left) left = next;
            bool has_room = ways[i].taken - ways[i].passed < MOST_PACKETS;
            ends[i] = (struct pollfd){ has_room ? ways[i].from : -1, POLLIN, 0 };
        }
        struct timespec wait = { (time_t)left, (long)(1e9 * (left - (double)(time_t)left)) };
        if (ppoll(ends, WAYS, &wait, NULL) <= 0) continue;
        for (int i = 0; i < WAYS; i++)
            if (ends[i].revents) take(&ways[i], rate, delay);
    }
}

int main(int count, char **words)
{
    if (count != 5) return fprintf(stderr, "usage: cable END END BYTES/S SECONDS\n"), 2;
    int one = atoi(words[1]), other = atoi(words[2]);
    way ways[WAYS] = { { .from = one, .to = other }, { .from = other, .to = one } };
    for (int i = 0; i < WAYS; i++)
        if (!(ways[i].packets = malloc(MOST_PACKETS * sizeof(packet)))) return 1;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 1 })) perror("cable: priority");
    carry(ways, atof(words[3]), atof(words[4]));
}
