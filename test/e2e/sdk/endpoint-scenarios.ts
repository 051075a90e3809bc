/** The endpoints beside chat. */
import type { JsonObject } from "../../upstream/answer.ts";
import { KINDS, modelOf, ROLES } from "./kinds.ts";
import { type Exception, each, type Scenario } from "./scenario.ts";

/** A PNG of one pixel. */
const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const TEXTS = Array.from({ length: 25 }, (_, index) => "x".repeat(index + 1));
const embed = (given: JsonObject) => [{ call: "embeddings" as const, with: given }];
const draw = (given: JsonObject) => [{ call: "images" as const, with: given }];
const complete = (given: JsonObject) => [
  { call: "completion" as const, with: { prompt: "once upon a time", ...given } },
];

const ALL_MODELS = KINDS.flatMap((kind) => ROLES.map((role) => modelOf(kind, role))).sort();

const unserved = (why: string): Exception => ({
  expect: [{ error: { thrown: "BadRequestError", status: 400, code: "unsupported_endpoint", param: "model" } }],
  why,
});
const notFound = (why: string): Exception => ({ expect: [{ error: { thrown: "NotFoundError", status: 404 } }], why });
const NO_EMBEDDINGS = { anthropic: unserved("The vendor has no embeddings.") };
const UNSERVED_IMAGES = { anthropic: unserved("The vendor makes no images.") };
const NO_IMAGES = {
  ...UNSERVED_IMAGES,
  ...each(["vllm", "llamacpp"], notFound("The server makes no images.")),
};
const DASHSCOPE = ["dashscope", "dashscope compatible"];
const NO_EDITS = {
  ...UNSERVED_IMAGES,
  zhipu: unserved("The vendor edits no images."),
  ...each(["vllm", "llamacpp"], unserved("The server makes no images.")),
};
const ONE_IMAGE: Exception = {
  expect: [{ error: { thrown: "BadRequestError", status: 400, param: "n" } }],
  why: "The vendor makes one image a call; `n` above 1 is answered 400.",
};
const BY_ADDRESS = "The vendor gives the address of an image, not its bytes.";
const ONE_BY_ADDRESS: Exception = { expect: [{ images: ["url"] }], why: BY_ADDRESS, worth: "yes" };
const TWO_BY_ADDRESS: Exception = { expect: [{ images: ["url", "url"] }], why: BY_ADDRESS, worth: "yes" };

export const ENDPOINT_SCENARIOS: Scenario[] = [
  {
    name: "a completion",
    cell: ["completions", "plain"],
    steps: complete({ max_tokens: 50 }),
    expect: [{ text: "once upon a time", finish: "stop", usage: [4, 4] }],
  },
  {
    name: "a streamed completion",
    cell: ["completions", "stream"],
    steps: complete({ stream: true }),
    expect: [{ text: "once upon a time", finish: "stop", usage_chunks: 0 }],
  },
  {
    name: "a streamed completion that tells usage",
    cell: ["completions", "stream"],
    steps: complete({ stream: true, stream_options: { include_usage: true } }),
    expect: [{ text: "once upon a time", usage: [4, 4], usage_chunks: 1 }],
  },
  {
    name: "a completion that the provider slows down",
    cell: ["completions", "error"],
    script: [{ status: 429 }],
    steps: complete({}),
    expect: [{ error: { thrown: "RateLimitError", status: 429, code: "rate_limit_exceeded" } }],
  },
  {
    name: "vectors in the SDK's own encoding",
    cell: ["embeddings", "plain"],
    role: "embedding",
    steps: embed({ input: ["abc", "de"] }),
    expect: [
      {
        vectors: [
          [3, 8],
          [2, 8],
        ],
        usage: [2, 0],
      },
    ],
    except: NO_EMBEDDINGS,
  },
  {
    name: "vectors as numbers",
    cell: ["embeddings", "plain"],
    role: "embedding",
    steps: embed({ input: "abc", encoding_format: "float", dimensions: 64 }),
    expect: [{ vectors: [[3, 64]] }],
    except: NO_EMBEDDINGS,
  },
  {
    name: "vectors of many texts, in order",
    cell: ["embeddings", "plain"],
    role: "embedding",
    steps: embed({ input: TEXTS }),
    expect: [{ vectors: TEXTS.map((text): [number, number] => [text.length, 8]) }],
    except: NO_EMBEDDINGS,
  },
  {
    name: "vectors that the provider slows down",
    cell: ["embeddings", "error"],
    role: "embedding",
    script: [{ status: 429 }],
    steps: embed({ input: "abc" }),
    expect: [{ error: { thrown: "RateLimitError", status: 429, code: "rate_limit_exceeded" } }],
    except: NO_EMBEDDINGS,
  },
  {
    name: "an image",
    cell: ["images", "plain"],
    role: "image",
    steps: draw({ prompt: "a cat", size: "1024x1024" }),
    expect: [{ images: ["b64_json"] }],
    except: {
      ...NO_IMAGES,
      ...each(["zhipu", ...DASHSCOPE], ONE_BY_ADDRESS),
    },
  },
  {
    name: "two images",
    cell: ["images", "plain"],
    role: "image",
    steps: draw({ prompt: "a cat", n: 2 }),
    expect: [{ images: ["b64_json", "b64_json"] }],
    except: {
      ...NO_IMAGES,
      ...each(DASHSCOPE, TWO_BY_ADDRESS),
      zhipu: ONE_IMAGE,
    },
  },
  {
    name: "an image that is drawn before the client's eyes",
    cell: ["images", "stream"],
    role: "image",
    steps: draw({ prompt: "a cat", stream: true, partial_images: 1 }),
    expect: [{ images: ["image_generation.partial_image", "image_generation.completed"] }],
    except: {
      ...NO_IMAGES,
      ...each(["gemini", "dashscope", "dashscope compatible", "zhipu"], {
        expect: [{ error: { thrown: "BadRequestError", status: 400, param: "stream" } }],
        why: "The vendor gives an image whole: a stream of it is answered 400.",
      }),
    },
  },
  {
    name: "an image that the provider slows down",
    cell: ["images", "error"],
    role: "image",
    script: [{ status: 429 }],
    steps: draw({ prompt: "a cat" }),
    expect: [{ error: { thrown: "RateLimitError", status: 429, code: "rate_limit_exceeded" } }],
    except: UNSERVED_IMAGES,
  },
  {
    name: "an image by a model that takes its time",
    cell: ["images", "plain"],
    role: "slow-image",
    steps: draw({ prompt: "a cat", n: 2 }),
    expect: [{ images: ["b64_json", "b64_json"] }],
    except: {
      ...NO_IMAGES,
      ...each(DASHSCOPE, TWO_BY_ADDRESS),
      zhipu: ONE_IMAGE,
    },
  },
  {
    name: "an edited image",
    cell: ["image edits", "plain"],
    role: "image-edit",
    steps: [{ call: "edit", with: { prompt: "a hat", image: PIXEL } }],
    expect: [{ images: ["b64_json"] }],
    except: { ...NO_EDITS, ...each(DASHSCOPE, ONE_BY_ADDRESS) },
  },
  {
    name: "two edits of an image",
    cell: ["image edits", "plain"],
    role: "image-edit",
    steps: [{ call: "edit", with: { prompt: "a hat", image: PIXEL, n: 2 } }],
    expect: [{ images: ["b64_json", "b64_json"] }],
    except: { ...NO_EDITS, ...each(DASHSCOPE, TWO_BY_ADDRESS) },
  },
  {
    name: "an edit that the provider slows down",
    cell: ["image edits", "error"],
    role: "image-edit",
    script: [{ status: 429 }],
    steps: [{ call: "edit", with: { prompt: "a hat", image: PIXEL } }],
    expect: [{ error: { thrown: "RateLimitError", status: 429, code: "rate_limit_exceeded" } }],
    except: NO_EDITS,
  },
  {
    name: "the models of a key, and one of them",
    cell: ["models", "plain"],
    steps: [
      { call: "models", with: {} },
      { call: "model", with: {} },
    ],
    expect: [{ models: ALL_MODELS }, {}],
  },
  {
    name: "a model that is not there",
    cell: ["models", "error"],
    steps: [{ call: "model", with: { model: "no-such-model" } }],
    expect: [{ error: { thrown: "NotFoundError", status: 404, code: "model_not_found" } }],
  },
];
