// Reads one HTTP/1.1 response after another from bytes as they arrive.
#ifndef LOAD_RESPONSE_H
#define LOAD_RESPONSE_H

#include <stddef.h>

enum place { HEAD, SIZED_BODY, CHUNK_SIZE, CHUNK, CHUNK_END, TRAILER, UNTIL_CLOSE, COMPLETE };

struct response {
  enum place place;
  int status;
  int closes;  // the server ends the connection after it
  int events;  // server-sent events so far: an empty line ends one
  char head[8192];
  size_t head_length;
  // Of the body, when the status is not 200: what went wrong, in the server's words.
  char refusal[256];
  size_t refusal_length;
  long missing;  // bytes of the body, or of its chunk, that are still to come
  char line[32];
  size_t line_length;
  int newlines;  // in a row, inside a stream
};

void response_begin(struct response *response);

// Takes bytes up to the end of the response and answers how many; `place` is COMPLETE at the end. -1: it cannot be read.
long response_feed(struct response *response, const char *bytes, long length);

#endif
