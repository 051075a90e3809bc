// upstream.c: a provider that costs next to nothing, to measure what stands before it. Loopback, one thread, epoll.
//
//   upstream -p PORT [-n EVENTS] [-d MICROSECONDS]
//
// Answers as the provider does to whom the path belongs (upstream-dialects.h): whole, or, when a stream is asked for, as
// EVENTS server-sent events MICROSECONDS apart. Each event is one send() and one HTTP chunk, so that what
// stands before it sees events arrive one by one, as they do from a model. Costs some 4 µs a request and 10 µs an event.
#define _GNU_SOURCE
#include "upstream-dialects.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

struct connection {
  int fd;
  const struct dialect *dialect;  // NULL for a request that none knows
  int answering;   // from a whole request to the end of its answer
  int with_usage;  // the client asked for the usage event
  int next_event;
  char *in;  // what was received and not yet taken, with a 0 behind it
  size_t in_length, in_capacity;
  char *out;  // what the socket did not take yet
  size_t out_length, out_capacity;
  // The queue of streams between two events. All wait equally long, so it is in the order of time.
  int64_t due;
  int waiting;
  struct connection *earlier, *later;
};

static int event_count = 100;
static int64_t event_gap_ns = 0;
static int poller, timer;
static struct connection *first_waiting, *last_waiting;

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void enqueue(struct connection *c) {
  c->due = now_ns() + event_gap_ns;
  c->waiting = 1;
  c->earlier = last_waiting;
  c->later = NULL;
  if (last_waiting) last_waiting->later = c;
  else first_waiting = c;
  last_waiting = c;
}

static void dequeue(struct connection *c) {
  if (!c->waiting) return;
  c->waiting = 0;
  if (c->earlier) c->earlier->later = c->later;
  else first_waiting = c->later;
  if (c->later) c->later->earlier = c->earlier;
  else last_waiting = c->earlier;
}

static void set_timer(void) {
  struct itimerspec at = {0};
  if (first_waiting) {
    at.it_value.tv_sec = first_waiting->due / 1000000000LL;
    at.it_value.tv_nsec = first_waiting->due % 1000000000LL;
  }
  timerfd_settime(timer, TFD_TIMER_ABSTIME, &at, NULL);
}

static void close_connection(struct connection *c) {
  dequeue(c);
  close(c->fd);
  free(c->in);
  free(c->out);
  free(c);
}

static void watch(struct connection *c, uint32_t events) {
  struct epoll_event event = {.events = events, .data.ptr = c};
  epoll_ctl(poller, EPOLL_CTL_MOD, c->fd, &event);
}

// All functions below that return int answer -1 when the connection is lost, else 0.

// Sends at once what the socket takes and keeps the rest.
static int put(struct connection *c, const char *bytes, size_t length) {
  size_t sent = 0;
  while (c->out_length == 0 && sent < length) {
    ssize_t taken = send(c->fd, bytes + sent, length - sent, MSG_NOSIGNAL);
    if (taken < 0 && errno == EAGAIN) break;
    if (taken < 0) return -1;
    sent += taken;
  }
  if (sent == length) return 0;
  size_t rest = length - sent;
  if (c->out_length == 0) watch(c, EPOLLIN | EPOLLOUT);
  if (c->out_length + rest > c->out_capacity) {
    c->out_capacity = (c->out_length + rest) * 2;
    c->out = realloc(c->out, c->out_capacity);
  }
  memcpy(c->out + c->out_length, bytes + sent, rest);
  c->out_length += rest;
  return 0;
}

static int put_rest(struct connection *c) {
  ssize_t taken = send(c->fd, c->out, c->out_length, MSG_NOSIGNAL);
  if (taken < 0) return errno == EAGAIN ? 0 : -1;
  c->out_length -= taken;
  memmove(c->out, c->out + taken, c->out_length);
  if (c->out_length == 0) watch(c, EPOLLIN);
  return 0;
}

static int put_whole(struct connection *c, const char *status, const char *body) {
  char answer[2048];
  int length = snprintf(
      answer, sizeof answer,
      "HTTP/1.1 %s\r\ncontent-type: application/json\r\nx-request-id: req_upstream\r\ncontent-length: %zu\r\n\r\n%s",
      status, strlen(body), body);
  return put(c, answer, length);
}

__attribute__((format(printf, 2, 3))) static int put_event(struct connection *c, const char *format, ...) {
  char event[1024], chunk[1100];
  va_list values;
  va_start(values, format);
  int length = vsnprintf(event, sizeof event, format, values);
  va_end(values);
  return put(c, chunk, snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n", length, event));
}

static int put_first_events(struct connection *c) {
  for (int i = 0; i < 2 && c->dialect->first[i]; i++) {
    if (put_event(c, c->dialect->first[i]) < 0) return -1;
  }
  return 0;
}

static int put_delta(struct connection *c, int index) {
  char text[] = " abcde";
  for (int i = 1; i < 6; i++) text[i] = 'a' + (index + i) % 26;
  return put_event(c, c->dialect->delta, text, index + 1);
}

static int put_last_events(struct connection *c) {
  const struct dialect *dialect = c->dialect;
  for (int i = 0; i < 3 && dialect->last[i]; i++) {
    int ends = i == 2 || dialect->last[i + 1] == NULL;
    if (ends && c->with_usage && dialect->usage && put_event(c, dialect->usage, event_count, event_count + 42) < 0) return -1;
    if (put_event(c, dialect->last[i], event_count, event_count + 42) < 0) return -1;
  }
  return put(c, "0\r\n\r\n", 5);
}

// Sends events until one has to wait for its time; the last ends the answer.
static int go_on(struct connection *c) {
  for (;;) {
    int index = c->next_event++;
    if (index >= event_count - 1) {
      c->answering = 0;
      return put_last_events(c);
    }
    if ((index == 0 ? put_first_events(c) : put_delta(c, index)) < 0) return -1;
    if (event_gap_ns > 0) {
      enqueue(c);
      return 0;
    }
  }
}

static int is_true(const char *body, size_t length, const char *name) {
  const char *at = memmem(body, length, name, strlen(name));
  if (at == NULL) return 0;
  at += strlen(name);
  while (*at == ' ' || *at == ':') at++;
  return strncmp(at, "true", 4) == 0;
}

static int answer(struct connection *c, const char *body, size_t length) {
  const char *streamed = c->dialect->streamed;
  int as_stream = streamed ? memmem(c->in, body - c->in, streamed, strlen(streamed)) != NULL : is_true(body, length, "\"stream\"");
  if (!as_stream) return put_whole(c, "200 OK", c->dialect->whole);
  static const char head[] = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
                             "transfer-encoding: chunked\r\n\r\n";
  c->with_usage = is_true(body, length, "\"include_usage\"");
  c->next_event = 0;
  c->answering = 1;
  return put(c, head, sizeof head - 1) < 0 ? -1 : go_on(c);
}

static const struct dialect *dialect_of(const char *line, size_t length) {
  for (size_t i = 0; i < DIALECT_COUNT; i++) {
    if (memmem(line, length, DIALECTS[i].path, strlen(DIALECTS[i].path))) return &DIALECTS[i];
  }
  return NULL;
}

// Answers the requests that are there in whole.
static int take_requests(struct connection *c) {
  while (!c->answering) {
    char *end = memmem(c->in, c->in_length, "\r\n\r\n", 4);
    if (end == NULL) return 0;
    char *line_end = memchr(c->in, '\r', c->in_length);
    size_t line = line_end - c->in;
    int posted = strncmp(c->in, "POST ", 5) == 0;
    c->dialect = posted ? dialect_of(c->in, line) : NULL;

    long body = -1;
    for (char *header = line_end + 2; header < end; header = strstr(header, "\r\n") + 2) {
      if (strncasecmp(header, "content-length:", 15) == 0) body = strtol(header + 15, NULL, 10);
    }
    // Without a length it could not tell where the next request begins.
    if (body < 0) return put_whole(c, "411 Length Required", "{}") || shutdown(c->fd, SHUT_WR) ? -1 : 0;

    char *start = end + 4;
    size_t whole = start - c->in + body;
    if (c->in_length < whole) return 0;
    int sent = c->dialect == NULL ? put_whole(c, "404 Not Found", "{}") : answer(c, start, body);
    if (sent < 0) return -1;
    c->in_length -= whole;
    memmove(c->in, c->in + whole, c->in_length + 1);
  }
  return 0;
}

static int receive(struct connection *c) {
  for (;;) {
    if (c->in_capacity - c->in_length < 4096) {
      c->in_capacity = c->in_capacity ? c->in_capacity * 2 : 8192;
      c->in = realloc(c->in, c->in_capacity + 1);
    }
    size_t room = c->in_capacity - c->in_length;
    ssize_t got = recv(c->fd, c->in + c->in_length, room, 0);
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) return -1;
    c->in_length += got;
    c->in[c->in_length] = 0;
    if ((size_t)got < room) break;
  }
  return c->in_length > 0 ? take_requests(c) : 0;
}

static void send_due_events(void) {
  uint64_t expirations;
  if (read(timer, &expirations, sizeof expirations) < 0) return;
  int64_t now = now_ns();
  while (first_waiting && first_waiting->due <= now) {
    struct connection *c = first_waiting;
    dequeue(c);
    if (go_on(c) < 0 || (!c->answering && take_requests(c) < 0)) close_connection(c);
  }
}

static void accept_all(int server) {
  for (;;) {
    int fd = accept4(server, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct connection *c = calloc(1, sizeof *c);
    c->fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
  }
}

static int listen_on(int port) {
  int server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
  // The driver starts it anew with another pace, at the same port.
  setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(server, (struct sockaddr *)&address, sizeof address) == 0 && listen(server, 1024) == 0) return server;
  perror("upstream: cannot listen");
  exit(1);
}

int main(int count, char **arguments) {
  int port = 0, option;
  while ((option = getopt(count, arguments, "p:n:d:")) != -1) {
    if (option == 'p') port = atoi(optarg);
    else if (option == 'n') event_count = atoi(optarg);
    else if (option == 'd') event_gap_ns = atol(optarg) * 1000;
    else return 2;
  }
  if (event_count < 2) event_count = 2;
  signal(SIGPIPE, SIG_IGN);

  int server = listen_on(port);
  poller = epoll_create1(0);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct epoll_event ready[256], event = {.events = EPOLLIN, .data.ptr = &server};
  epoll_ctl(poller, EPOLL_CTL_ADD, server, &event);
  event.data.ptr = &timer;
  epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
  for (;;) {
    int found = epoll_wait(poller, ready, 256, -1), due = 0;
    for (int i = 0; i < found; i++) {
      struct connection *c = ready[i].data.ptr;
      if (ready[i].data.ptr == &server) accept_all(server);
      else if (ready[i].data.ptr == &timer) due = 1;
      else if (((ready[i].events & EPOLLOUT) && put_rest(c) < 0) ||
               ((ready[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && receive(c) < 0))
        close_connection(c);
    }
    // After the rest: it may close connections, and each of the events above has to find its own.
    if (due) send_due_events();
    set_timer();
  }
}
