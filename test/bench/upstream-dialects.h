// What the upstream says in each dialect; the texts are as long as those of the real providers.
#ifndef UPSTREAM_DIALECTS_H
#define UPSTREAM_DIALECTS_H

#include <stddef.h>

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

// Gemini spaces its JSON, ends its lines with CRLF and counts anew with each event.
#define GEMINI_START "{\"candidates\": [{\"content\": {\"parts\": [{\"text\": \""
#define GEMINI_END \
  "\"promptTokensDetails\": [{\"modality\": \"TEXT\",\"tokenCount\": 42}]},\"modelVersion\": \"gemini-2.5-flash\"," \
  "\"responseId\": \"abc123\"}"
#define GEMINI_COUNTS "\"usageMetadata\": {\"promptTokenCount\": 42,\"candidatesTokenCount\": "
#define GEMINI_WHOLE \
  GEMINI_START ANSWER "\"}],\"role\": \"model\"},\"finishReason\": \"STOP\",\"index\": 0}]," GEMINI_COUNTS \
  "64,\"totalTokenCount\": 106," GEMINI_END
#define GEMINI_DELTA \
  "data: " GEMINI_START "%s\"}],\"role\": \"model\"},\"index\": 0}]," GEMINI_COUNTS "%d," GEMINI_END "\r\n\r\n"
#define GEMINI_FIRST \
  "data: " GEMINI_START "The\"}],\"role\": \"model\"},\"index\": 0}]," GEMINI_COUNTS "1," GEMINI_END "\r\n\r\n"
#define GEMINI_LAST \
  "data: " GEMINI_START "\"}],\"role\": \"model\"},\"finishReason\": \"STOP\",\"index\": 0}]," GEMINI_COUNTS \
  "%d,\"totalTokenCount\": %d," GEMINI_END "\r\n\r\n"

// DashScope's own format: comments, ids, no space behind `data:`, and running totals.
#define DASHSCOPE_EVENT "id:1\nevent:result\n:HTTP_STATUS/200\ndata:"
#define DASHSCOPE_START "{\"output\":{\"choices\":[{\"message\":{\"content\":\""
#define DASHSCOPE_END "},\"request_id\":\"5a1e7c0b-6d2f-9b0e-8a44-1f0c2d3e4f5a\"}"
#define DASHSCOPE_GOING_ON "\",\"role\":\"assistant\"},\"finish_reason\":\"null\"}]},"
#define DASHSCOPE_STOPPED "\",\"role\":\"assistant\"},\"finish_reason\":\"stop\"}]},"
#define DASHSCOPE_WHOLE \
  DASHSCOPE_START ANSWER DASHSCOPE_STOPPED \
  "\"usage\":{\"total_tokens\":106,\"input_tokens\":42,\"output_tokens\":64" DASHSCOPE_END
#define DASHSCOPE_FIRST \
  DASHSCOPE_EVENT DASHSCOPE_START "The" DASHSCOPE_GOING_ON \
  "\"usage\":{\"input_tokens\":42,\"output_tokens\":1" DASHSCOPE_END "\n\n"
#define DASHSCOPE_DELTA \
  DASHSCOPE_EVENT DASHSCOPE_START "%s" DASHSCOPE_GOING_ON \
  "\"usage\":{\"input_tokens\":42,\"output_tokens\":%d" DASHSCOPE_END "\n\n"
#define DASHSCOPE_LAST \
  DASHSCOPE_EVENT DASHSCOPE_START DASHSCOPE_STOPPED \
  "\"usage\":{\"input_tokens\":42,\"output_tokens\":%d,\"total_tokens\":%d" DASHSCOPE_END "\n\n"

// Zhipu names no object, repeats the role, and counts in the event that ends the answer.
#define ZHIPU_START "{\"id\":\"20261123a1\",\"created\":1700000000,\"model\":\"glm-5.2\",\"choices\":[{\"index\":0,"
#define ZHIPU_WHOLE \
  ZHIPU_START "\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\",\"content\":\"" ANSWER "\"}}]," \
  "\"request_id\":\"20261123a1\",\"usage\":{\"prompt_tokens\":42,\"completion_tokens\":64,\"total_tokens\":106," \
  "\"prompt_tokens_details\":{\"cached_tokens\":0}}}"
#define ZHIPU_FIRST \
  "data: " ZHIPU_START "\"delta\":{\"role\":\"assistant\",\"content\":\"The\"}}]}\n\n"
#define ZHIPU_DELTA \
  "data: " ZHIPU_START "\"delta\":{\"role\":\"assistant\",\"content\":\"%s\"}}]}\n\n"
#define ZHIPU_LAST \
  "data: " ZHIPU_START "\"finish_reason\":\"stop\",\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]," \
  "\"usage\":{\"prompt_tokens\":42,\"completion_tokens\":%d,\"total_tokens\":%d," \
  "\"prompt_tokens_details\":{\"cached_tokens\":0}}}\n\n"

// How a provider speaks. Each text of a stream is one event.
struct dialect {
  const char *path;      // a request's path has this
  const char *streamed;  // a request's head has this when it asks for a stream; NULL: its body says so
  const char *whole;
  const char *first[2];
  const char *delta;    // %s: some text, %d: tokens so far
  const char *last[3];  // %d: tokens of the answer, tokens in all
  const char *usage;    // sent before the last of `last` to those who ask for it
};

// The first that fits counts.
static const struct dialect DIALECTS[] = {
    {"/paas/v4/chat/completions", NULL, ZHIPU_WHOLE, {ZHIPU_FIRST}, ZHIPU_DELTA, {ZHIPU_LAST, OPENAI_DONE}, NULL},
    {"/chat/completions", NULL, OPENAI_WHOLE, {OPENAI_FIRST}, OPENAI_DELTA, {OPENAI_STOP, OPENAI_DONE}, OPENAI_USAGE},
    {"/messages", NULL, ANTHROPIC_WHOLE, {ANTHROPIC_START, ANTHROPIC_BLOCK_START}, ANTHROPIC_DELTA,
     {ANTHROPIC_BLOCK_STOP, ANTHROPIC_MESSAGE_DELTA, ANTHROPIC_STOP}, NULL},
    {"enerateContent", ":streamGenerateContent", GEMINI_WHOLE, {GEMINI_FIRST}, GEMINI_DELTA, {GEMINI_LAST}, NULL},
    {"/text-generation/generation", "x-dashscope-sse: enable", DASHSCOPE_WHOLE, {DASHSCOPE_FIRST}, DASHSCOPE_DELTA,
     {DASHSCOPE_LAST}, NULL},
};
#define DIALECT_COUNT (sizeof DIALECTS / sizeof DIALECTS[0])

#endif
