/* A load generator for HTTP/1.1 with connections that are kept alive.
 *
 *   load PORT REQUESTS CONNECTIONS SECONDS RATE TIMEOUT
 *
 * REQUESTS is a file of whole requests, each after its length as eight digits; they are sent in turn.
 * RATE 0 is a closed loop: each connection asks again as soon as it was answered. Any other RATE is an open
 * loop: that many requests a second are due, however slowly they are answered, and the time that each took
 * counts from when it was due. TIMEOUT, in seconds, is how long a client waits before it hangs up.
 * Prints one object of JSON. Times are in seconds. Built by server_process.py; Linux only (epoll).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_STATUS = 600, HEAD = 16384, PIECE = 1 << 18 };

typedef struct {
    const char *data;
    size_t size;
} Request;

typedef struct {
    int socket;
    int busy;        /* a request is under way */
    size_t request;  /* which one */
    size_t sent;
    double due;
    char head[HEAD]; /* the head of the answer, as far as it has come */
    size_t head_size;
    int in_body, chunked, status, closing;
    long left;       /* bytes of the body that are to come */
    char tail[5];    /* the last bytes of a chunked body */
} Connection;

static Request *requests;
static size_t request_count, next_request;
static Connection *connections;
static int poller, port, connection_count;
static long statuses[MOST_STATUS], timeouts, broken, dials;
static double *times;
static size_t time_count, time_room;
static long bytes_in;
static char piece[PIECE];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fail(const char *what) {
    perror(what);
    exit(2);
}

static void dial(Connection *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->socket < 0) fail("socket");
    int one = 1;
    setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->socket, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        fail("connect");
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, c->socket, &event) < 0) fail("epoll_ctl");
    dials++;
}

static void redial(Connection *c) {
    close(c->socket);
    c->busy = 0;
    dial(c);
}

static void push(Connection *c) {
    const Request *r = &requests[c->request];
    while (c->sent < r->size) {
        ssize_t n = send(c->socket, r->data + c->sent, r->size - c->sent, MSG_NOSIGNAL);
        if (n < 0) return; /* full, or not connected yet: the poller tells when to go on; or broken: read finds out */
        c->sent += (size_t)n;
    }
}

static void ask(Connection *c, double due) {
    c->busy = 1;
    c->request = next_request++ % request_count;
    c->sent = c->head_size = 0;
    c->in_body = c->chunked = c->closing = 0;
    c->due = due;
    push(c);
}

static void note(double seconds) {
    if (time_count == time_room) {
        time_room = time_room ? 2 * time_room : 1 << 16;
        times = realloc(times, time_room * sizeof *times);
        if (!times) fail("realloc");
    }
    times[time_count++] = seconds;
}

/* Read the head that has come; returns 0 if it is not whole yet, else where the body begins. */
static size_t read_head(Connection *c) {
    char *end = memmem(c->head, c->head_size, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t size = (size_t)(end - c->head) + 4;
    *end = 0;
    c->status = c->head_size > 12 ? atoi(c->head + 9) : 0;
    c->left = 0;
    for (char *line = strstr(c->head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        if (!strncasecmp(line + 2, "content-length:", 15)) c->left = atol(line + 17);
        if (!strncasecmp(line + 2, "transfer-encoding: chunked", 26)) c->chunked = 1;
        if (!strncasecmp(line + 2, "connection: close", 17)) c->closing = 1;
    }
    c->in_body = 1;
    memset(c->tail, 0, sizeof c->tail);
    return size;
}

/* Take a part of a body; returns whether the answer is whole. */
static int take(Connection *c, const char *data, size_t size) {
    if (!c->chunked) {
        c->left -= (long)size;
        return c->left <= 0;
    }
    for (size_t i = size > 5 ? size - 5 : 0; i < size; i++) {
        memmove(c->tail, c->tail + 1, 4);
        c->tail[4] = data[i];
    }
    return !memcmp(c->tail, "0\r\n\r\n", 5);
}

/* Read what has come; returns 1 when the request is done, -1 when the connection is. */
static int pull(Connection *c) {
    for (;;) {
        ssize_t n = recv(c->socket, piece, sizeof piece, 0);
        if (n == 0) return -1;
        if (n < 0) return errno == EAGAIN || errno == ENOTCONN ? 0 : -1;
        bytes_in += n;
        if (!c->busy) continue;
        size_t begin = 0;
        int done = 0;
        if (!c->in_body) {
            size_t room = HEAD - c->head_size, part = (size_t)n < room ? (size_t)n : room, before = c->head_size;
            memcpy(c->head + before, piece, part);
            c->head_size += part;
            size_t head = read_head(c);
            if (!head) {
                if (c->head_size == HEAD) return -1;
                continue;
            }
            begin = head - before;
            if (!c->chunked && c->left == 0) done = 1;
        }
        if (!done && (size_t)n > begin) done = take(c, piece + begin, (size_t)n - begin);
        if (done) return 1;
    }
}

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double quantile(double share) {
    return time_count ? times[(size_t)(share * (double)(time_count - 1))] : 0.0;
}

static void load_requests(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) fail(path);
    char digits[9] = {0};
    while (fread(digits, 1, 8, file) == 8) {
        size_t size = (size_t)atol(digits);
        char *data = malloc(size);
        if (!data || fread(data, 1, size, file) != size) fail("requests");
        requests = realloc(requests, (request_count + 1) * sizeof *requests);
        if (!requests) fail("realloc");
        requests[request_count++] = (Request){data, size};
    }
    fclose(file);
}

int main(int argc, char **argv) {
    if (argc != 7) {
        fprintf(stderr, "usage: load PORT REQUESTS CONNECTIONS SECONDS RATE TIMEOUT\n");
        return 2;
    }
    port = atoi(argv[1]);
    load_requests(argv[2]);
    connection_count = atoi(argv[3]);
    double seconds = atof(argv[4]), rate = atof(argv[5]), patience = atof(argv[6]);
    poller = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc((size_t)connection_count, sizeof *connections);
    Connection **idle = malloc((size_t)connection_count * sizeof *idle);
    if (!connections || !idle || !request_count) fail("start");
    int idle_count = 0;
    for (int i = 0; i < connection_count; i++) {
        dial(&connections[i]);
        idle[idle_count++] = &connections[i];
    }
    struct epoll_event events[512];
    double begin = now(), end = begin + seconds, look = begin;
    long due = 0;        /* open loop: requests whose time has come, begun or not */
    long begun = 0;
    if (rate == 0.0)
        while (idle_count) ask(idle[--idle_count], now());
    for (;;) {
        double t = now();
        if (t >= end) break;
        if (rate > 0.0) {
            due = (long)((t - begin) * rate);
            while (begun < due && idle_count) {
                ask(idle[--idle_count], begin + (double)begun / rate);
                begun++;
            }
            /* who finds no connection waits, and gives up as the others do */
            while (begun < due && t - (begin + (double)begun / rate) > patience) {
                timeouts++;
                begun++;
            }
        }
        int wait = 1;
        struct timespec pause = {0, 50000};
        int count = rate > 0.0 ? epoll_pwait2(poller, events, 512, &pause, NULL)
                               : epoll_wait(poller, events, 512, wait);
        t = now();
        for (int i = 0; i < count; i++) {
            Connection *c = events[i].data.ptr;
            if (c->busy && (events[i].events & EPOLLOUT)) push(c);
            int state = pull(c);
            if (state == 0) continue;
            int was_busy = c->busy;
            if (state < 0) {
                if (was_busy) broken++;
                redial(c);
            } else {
                statuses[c->status > 0 && c->status < MOST_STATUS ? c->status : 0]++;
                if (c->status == 200) note(t - c->due);
                c->busy = 0;
                if (c->closing) redial(c);
            }
            if (rate == 0.0) ask(c, t);
            else if (was_busy) idle[idle_count++] = c;
        }
        if (t - look > 0.02) { /* hang up on what takes too long */
            look = t;
            for (int i = 0; i < connection_count; i++) {
                Connection *c = &connections[i];
                if (!c->busy || t - c->due < patience) continue;
                timeouts++;
                redial(c);
                if (rate == 0.0) ask(c, t);
                else idle[idle_count++] = c;
            }
        }
    }
    double took = now() - begin;
    qsort(times, time_count, sizeof *times, ascending);
    printf("{\"seconds\":%.6f,\"ok\":%zu,\"timeouts\":%ld,\"broken\":%ld,\"dials\":%ld,\"bytes\":%ld,"
           "\"p50\":%.9f,\"p90\":%.9f,\"p99\":%.9f,\"p999\":%.9f,\"max\":%.9f,\"statuses\":{",
           took, time_count, timeouts, broken, dials, bytes_in, quantile(0.5), quantile(0.9), quantile(0.99),
           quantile(0.999), quantile(1.0));
    const char *comma = "";
    for (int s = 0; s < MOST_STATUS; s++)
        if (statuses[s]) {
            printf("%s\"%d\":%ld", comma, s, statuses[s]);
            comma = ",";
        }
    printf("}}\n");
    return 0;
}
