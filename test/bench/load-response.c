#define _GNU_SOURCE
#include "load-response.h"
#include <stdlib.h>
#include <string.h>

void response_begin(struct response *r) {
  r->place = HEAD;
  r->status = r->closes = r->events = r->newlines = 0;
  r->head_length = r->line_length = r->refusal_length = 0;
}

static void read_head(struct response *r) {
  r->head[r->head_length] = 0;
  r->status = atoi(r->head + strlen("HTTP/1.1 "));
  r->closes = strcasestr(r->head, "\r\nconnection: close") != NULL;
  const char *length = strcasestr(r->head, "\r\ncontent-length:");
  if (length != NULL) {
    r->missing = atol(length + strlen("\r\ncontent-length:"));
    r->place = r->missing > 0 ? SIZED_BODY : COMPLETE;
  } else if (strcasestr(r->head, "\r\ntransfer-encoding: chunked") != NULL) {
    r->place = CHUNK_SIZE;
  } else {
    r->place = UNTIL_CLOSE;
  }
}

// How many bytes belong to the head; -1 when it is too long.
static long take_head(struct response *r, const char *bytes, long length) {
  long taken = 0;
  while (taken < length) {
    if (r->head_length == sizeof r->head - 1) return -1;
    r->head[r->head_length++] = bytes[taken++];
    if (r->head_length >= 4 && memcmp(r->head + r->head_length - 4, "\r\n\r\n", 4) == 0) {
      read_head(r);
      break;
    }
  }
  return taken;
}

static void see_body(struct response *r, const char *bytes, long length) {
  if (r->status != 200) {
    size_t room = sizeof r->refusal - 1 - r->refusal_length, seen = (size_t)length < room ? (size_t)length : room;
    memcpy(r->refusal + r->refusal_length, bytes, seen);
    r->refusal_length += seen;
    return;
  }
  for (long i = 0; i < length; i++) {
    if (bytes[i] == '\n') {
      if (++r->newlines == 2) {
        r->events++;
        r->newlines = 0;
      }
    } else if (bytes[i] != '\r') {
      r->newlines = 0;
    }
  }
}

static long take_body(struct response *r, const char *bytes, long length) {
  long taken = length < r->missing ? length : r->missing;
  see_body(r, bytes, taken);
  r->missing -= taken;
  return taken;
}

// One byte of a line; true at the line's end, which leaves its text in `line`.
static int ends_line(struct response *r, char byte) {
  if (byte != '\n') {
    if (byte != '\r' && r->line_length < sizeof r->line - 1) r->line[r->line_length++] = byte;
    return 0;
  }
  r->line[r->line_length] = 0;
  return 1;
}

long response_feed(struct response *r, const char *bytes, long length) {
  long at = 0;
  while (at < length && r->place != COMPLETE) {
    long taken = 1;
    switch (r->place) {
    case HEAD:
      taken = take_head(r, bytes + at, length - at);
      if (taken < 0) return -1;
      break;
    case SIZED_BODY:
      taken = take_body(r, bytes + at, length - at);
      if (r->missing == 0) r->place = COMPLETE;
      break;
    case CHUNK_SIZE:
      if (ends_line(r, bytes[at])) {
        r->missing = strtol(r->line, NULL, 16);
        r->line_length = 0;
        r->place = r->missing > 0 ? CHUNK : TRAILER;
      }
      break;
    case CHUNK:
      taken = take_body(r, bytes + at, length - at);
      if (r->missing == 0) r->place = CHUNK_END;
      break;
    case CHUNK_END:
      if (bytes[at] == '\n') r->place = CHUNK_SIZE;
      break;
    case TRAILER:
      if (ends_line(r, bytes[at])) {
        if (r->line_length == 0) r->place = COMPLETE;
        r->line_length = 0;
      }
      break;
    default:
      taken = length - at;
      see_body(r, bytes + at, taken);
    }
    at += taken;
  }
  return at;
}
