// What the upstream says in each dialect; the texts are as long as those of the real providers.
#ifndef UPSTREAM_DIALECTS_H
#define UPSTREAM_DIALECTS_H

// 300 bytes, so that a whole answer has some 600.
#define ANSWER \
  "The quick brown fox jumps over the lazy dog. The quick brown fox jumps over the lazy dog. The quick brown fox jum" \
  "ps over the lazy dog. The quick brown fox jumps over the lazy dog. The quick brown fox jumps over the lazy dog. T" \
  "he quick brown fox jumps over the lazy dog. The quick brown fox jumps over"

#define OPENAI_WHOLE \
  "{\"id\":\"chatcmpl-abc123\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"gpt-4o-mini\"," \
  "\"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":[{\"index\":0," \
  "\"message\":{\"role\":\"assistant\",\"content\":\"" ANSWER "\"},\"logprobs\":null,\"finish_reason\":\"stop\"}]," \
  "\"usage\":{\"prompt_tokens\":42,\"completion_tokens\":64,\"total_tokens\":106}}"

#define OPENAI_EVENT \
  "data: {\"id\":\"chatcmpl-abc123\",\"object\":\"chat.completion.chunk\",\"created\":1700000000," \
  "\"model\":\"gpt-4o-mini\",\"system_fingerprint\":\"fp_44709d6fcb\","
#define OPENAI_FIRST \
  OPENAI_EVENT "\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"logprobs\":null," \
  "\"finish_reason\":null}]}\n\n"
// %s: some text.
#define OPENAI_DELTA \
  OPENAI_EVENT "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"logprobs\":null," \
  "\"finish_reason\":null}]}\n\n"
#define OPENAI_STOP \
  OPENAI_EVENT "\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n"
// %d: tokens of the answer, tokens in all.
#define OPENAI_USAGE \
  OPENAI_EVENT "\"choices\":[],\"usage\":{\"prompt_tokens\":42,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n"
#define OPENAI_DONE "data: [DONE]\n\n"

#define ANTHROPIC_WHOLE \
  "{\"id\":\"msg_abc123\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-3-5-haiku-20241022\"," \
  "\"content\":[{\"type\":\"text\",\"text\":\"" ANSWER "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null," \
  "\"usage\":{\"input_tokens\":42,\"output_tokens\":64}}"

#define ANTHROPIC_START \
  "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_abc123\",\"type\":\"message\"," \
  "\"role\":\"assistant\",\"model\":\"claude-3-5-haiku-20241022\",\"content\":[],\"stop_reason\":null," \
  "\"stop_sequence\":null,\"usage\":{\"input_tokens\":42,\"output_tokens\":1}}}\n\n"
#define ANTHROPIC_BLOCK_START \
  "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0," \
  "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
// %s: some text.
#define ANTHROPIC_DELTA \
  "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0," \
  "\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}}\n\n"
#define ANTHROPIC_BLOCK_STOP "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
// %d: tokens of the answer.
#define ANTHROPIC_MESSAGE_DELTA \
  "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"," \
  "\"stop_sequence\":null},\"usage\":{\"output_tokens\":%d}}\n\n"
#define ANTHROPIC_STOP "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"

#endif
