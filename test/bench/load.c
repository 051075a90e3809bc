// load.c: load on one server on loopback, each connection asking again as soon as it has its answer. One thread, epoll.
//
//   load -p PORT -k PID -f BODY_FILE [-H 'name: value']... [-c CONNECTIONS] [-n REQUESTS] [-t SECONDS] [-w REQUESTS] [-s]
//        [-T TICKET_FILE]
//
// POSTs the file to /v1/chat/completions: first -w requests that are not counted, then -n, for -t seconds at most. With -s
// the answers are streams, and their events are counted. Prints one line of JSON: latencies in µs, and the CPU time that
// process PID used while requests were counted. Each request takes the next line of TICKET_FILE as its `x-oneapi-ticket`; when
// there is none left, no more are sent. Costs some 7 µs a request.
#define _GNU_SOURCE
#include "load-process.h"
#include "load-response.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct connection {
  int fd;  // -1: not connected
  int busy;
  char *request;
  size_t sent;  // bytes of it
  int64_t began;
  struct response response;
};

struct samples {
  float *values;
  size_t count, capacity;
};

static struct {
  int port, pid, connections, stream;
  long requests, warm_up;
  double seconds;
} options = {.connections = 8, .requests = 1000, .warm_up = 100, .seconds = 30};

static char *request;
static size_t request_length;
static char *tickets;  // one after another, each of TICKET_LENGTH bytes and a line's end
static long ticket_count;
static size_t ticket_place;  // in the request

enum { TICKET_LENGTH = 32 };

static int poller;

static int counting;
static long started, done, errors, events;
static struct samples latencies, first_events;
static int refused_status;
static char refusal[256];

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void add(struct samples *samples, int64_t ns) {
  if (samples->count == samples->capacity) {
    samples->capacity = samples->capacity ? samples->capacity * 2 : 4096;
    samples->values = realloc(samples->values, samples->capacity * sizeof *samples->values);
  }
  samples->values[samples->count++] = ns / 1e3;
}

static int ascending(const void *left, const void *right) {
  float a = *(const float *)left, b = *(const float *)right;
  return (a > b) - (a < b);
}

static void print_percentiles(const char *name, struct samples *samples) {
  if (samples->count == 0) return;
  qsort(samples->values, samples->count, sizeof *samples->values, ascending);
  size_t last = samples->count - 1;
  printf(",\"%s\":{\"p50\":%.1f,\"p99\":%.1f}", name, samples->values[(size_t)(last * 0.5 + 0.5)],
         samples->values[(size_t)(last * 0.99 + 0.5)]);
}

static void watch(struct connection *c, int operation, uint32_t wanted) {
  struct epoll_event event = {.events = wanted, .data.ptr = c};
  epoll_ctl(poller, operation, c->fd, &event);
}

static void disconnect(struct connection *c) {
  if (c->fd >= 0) close(c->fd);
  c->fd = -1;
}

static void fail(struct connection *c) {
  if (c->busy) {
    errors++;
    done++;
  }
  c->busy = 0;
  disconnect(c);
}

static void connect_anew(struct connection *c) {
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  int one = 1;
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options.port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connect(c->fd, (struct sockaddr *)&address, sizeof address);
  // Writable means connected.
  watch(c, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

static void send_request(struct connection *c) {
  while (c->sent < request_length) {
    ssize_t taken = send(c->fd, c->request + c->sent, request_length - c->sent, MSG_NOSIGNAL);
    if (taken < 0 && errno == EAGAIN) return watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    if (taken < 0) return fail(c);
    c->sent += taken;
  }
}

static void begin(struct connection *c) {
  if (tickets) memcpy(c->request + ticket_place, tickets + started * (TICKET_LENGTH + 1), TICKET_LENGTH);
  started++;
  c->busy = 1;
  c->sent = 0;
  c->began = now_ns();
  response_begin(&c->response);
  if (c->fd < 0) connect_anew(c);
  else send_request(c);
}

static void finish(struct connection *c, int64_t now) {
  struct response *response = &c->response;
  done++;
  c->busy = 0;
  if (response->status != 200) {
    errors++;
    if (refused_status == 0) {
      refused_status = response->status;
      memcpy(refusal, response->refusal, response->refusal_length);
    }
  } else if (options.stream && response->events == 0) {
    errors++;
  } else if (counting) {
    add(&latencies, now - c->began);
  }
  if (response->closes || response->place == UNTIL_CLOSE) disconnect(c);
}

static void receive(struct connection *c) {
  static char bytes[262144];
  ssize_t got = recv(c->fd, bytes, sizeof bytes, 0);
  if (got < 0 && errno == EAGAIN) return;
  int64_t now = now_ns();
  if (got <= 0) {
    if (c->busy && got == 0 && c->response.place == UNTIL_CLOSE) finish(c, now);
    else fail(c);
    return;
  }
  // Nothing may come unasked.
  if (!c->busy) return fail(c);
  int before = c->response.events;
  if (response_feed(&c->response, bytes, got) < got) return fail(c);
  if (counting && options.stream) {
    events += c->response.events - before;
    if (before == 0 && c->response.events > 0) add(&first_events, now - c->began);
  }
  if (c->response.place == COMPLETE) finish(c, now);
}

static void handle(struct connection *c, uint32_t ready) {
  if ((ready & EPOLLOUT) && c->sent < request_length) {
    watch(c, EPOLL_CTL_MOD, EPOLLIN);
    send_request(c);
  }
  if (c->fd >= 0 && (ready & (EPOLLIN | EPOLLHUP | EPOLLERR))) receive(c);
}

// Runs it all; answers how long (ns) requests were counted, and the CPU time (µs) of the process meanwhile.
static int64_t run(struct connection *connections, double *cpu_us) {
  long total = options.warm_up + options.requests;
  if (tickets && total > ticket_count) total = ticket_count;
  int64_t limit = options.seconds * 1e9, counting_since = 0, deadline = now_ns() + limit;
  struct epoll_event ready[256];
  for (;;) {
    int64_t now = now_ns();
    if (!counting && done >= options.warm_up) {
      counting = 1;
      *cpu_us = process_cpu_us(options.pid);
      counting_since = now_ns();
      deadline = counting_since + limit;
    }
    if (done >= total || now > deadline || errors > 100) break;
    for (int i = 0; i < options.connections && started < total; i++) {
      if (!connections[i].busy) begin(&connections[i]);
    }
    int count = epoll_wait(poller, ready, 256, 100);
    for (int i = 0; i < count; i++) handle(ready[i].data.ptr, ready[i].events);
  }
  int64_t now = now_ns();
  *cpu_us = process_cpu_us(options.pid) - *cpu_us;
  return counting ? now - counting_since : 0;
}

static void print_result(int64_t duration_ns, double cpu_us) {
  printf("{\"requests\":%zu,\"seconds\":%.4f,\"errors\":%ld,\"cpu_us\":%.1f", latencies.count, duration_ns / 1e9,
         errors, counting ? cpu_us : 0);
  print_percentiles("latency_us", &latencies);
  if (options.stream) printf(",\"events\":%ld", events);
  print_percentiles("first_event_us", &first_events);
  if (refused_status != 0) {
    for (char *at = refusal; *at; at++) {
      if (*at == '"' || *at == '\\' || (unsigned char)*at < ' ') *at = '\'';
    }
    printf(",\"refused\":{\"status\":%d,\"body\":\"%s\"}", refused_status, refusal);
  }
  printf("}\n");
}

// The whole file, with a 0 behind it.
static char *read_file(const char *path, size_t *length) {
  FILE *file = path ? fopen(path, "rb") : NULL;
  if (file == NULL) {
    perror("load: a file to send");
    exit(1);
  }
  fseek(file, 0, SEEK_END);
  *length = ftell(file);
  rewind(file);
  char *bytes = malloc(*length + 1);
  *length = fread(bytes, 1, *length, file);
  bytes[*length] = 0;
  fclose(file);
  return bytes;
}

static void read_tickets(const char *path) {
  size_t length;
  tickets = read_file(path, &length);
  ticket_count = length / (TICKET_LENGTH + 1);
  if (length % (TICKET_LENGTH + 1) == 0) return;
  fprintf(stderr, "load: a ticket has %d characters\n", TICKET_LENGTH);
  exit(1);
}

static void build_request(const char *body_file, const char *headers) {
  size_t body_length;
  char *body = read_file(body_file, &body_length);
  request = malloc(body_length + strlen(headers) + 256);
  request_length = sprintf(request,
                           "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:%d\r\n"
                           "content-type: application/json\r\ncontent-length: %zu\r\n%s",
                           options.port, body_length, headers);
  if (tickets) {
    request_length += sprintf(request + request_length, "x-oneapi-ticket: ");
    ticket_place = request_length;
    request_length += sprintf(request + request_length, "%.*s\r\n", TICKET_LENGTH, tickets);
  }
  request_length += sprintf(request + request_length, "\r\n");
  memcpy(request + request_length, body, body_length);
  request_length += body_length;
  free(body);
}

int main(int count, char **arguments) {
  char headers[4096] = "";
  const char *body_file = NULL, *ticket_file = NULL;
  int option;
  while ((option = getopt(count, arguments, "p:k:f:H:c:n:t:w:sT:")) != -1) {
    size_t used = strlen(headers);
    switch (option) {
    case 'p': options.port = atoi(optarg); break;
    case 'k': options.pid = atoi(optarg); break;
    case 'f': body_file = optarg; break;
    case 'H': snprintf(headers + used, sizeof headers - used, "%s\r\n", optarg); break;
    case 'c': options.connections = atoi(optarg); break;
    case 'n': options.requests = atol(optarg); break;
    case 't': options.seconds = atof(optarg); break;
    case 'w': options.warm_up = atol(optarg); break;
    case 's': options.stream = 1; break;
    case 'T': ticket_file = optarg; break;
    default: return 2;
    }
  }
  signal(SIGPIPE, SIG_IGN);
  if (ticket_file) read_tickets(ticket_file);
  build_request(body_file, headers);
  poller = epoll_create1(0);
  struct connection *connections = calloc(options.connections, sizeof *connections);
  for (int i = 0; i < options.connections; i++) {
    connections[i].fd = -1;
    connections[i].request = memcpy(malloc(request_length), request, request_length);
  }
  double cpu_us = 0;
  int64_t duration = run(connections, &cpu_us);
  print_result(duration, cpu_us);
  return 0;
}
