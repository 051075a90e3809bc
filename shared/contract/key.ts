import { z } from "zod";
import { cidrSchema } from "./address.ts";
import { limitsSchema } from "./limit.ts";
import { modelPatternsSchema, nameSchema } from "./name.ts";
import { keySecretSchema } from "./secret.ts";

const DATE_MESSAGE = "must be a date like 2027-01-31 or a time like 2027-01-31T12:00:00Z";
const DATE = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

function parseInstant(text: string): Date | null {
  const instant = new Date(text);
  if (!DATE.test(text) || Number.isNaN(instant.getTime())) return null;
  // JavaScript reads 2027-02-30 as March 2: such a day is a typing error here.
  const day = new Date(`${text.slice(0, 10)}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text.slice(0, 10)) ? instant : null;
}

/** When a key ends; a date alone is its first moment in UTC. Normal form: ISO 8601 in UTC with milliseconds. */
export const expirySchema = z.string({ error: DATE_MESSAGE }).transform((text, context) => {
  const instant = parseInstant(text);
  if (instant) return instant.toISOString();
  context.issues.push({ code: "custom", message: DATE_MESSAGE, input: text });
  return z.NEVER;
});

const allowedIps = z
  .array(cidrSchema, { error: "must be a list of addresses" })
  .max(256, { error: "must have at most 256 entries" });

const label = z
  .string({ error: "must be a name" })
  .min(1, { error: "must not be empty" })
  .max(128, { error: "must have at most 128 characters" });

const policy = {
  expires: expirySchema.optional().describe("a time, or a date, which is its first moment in UTC"),
  models: modelPatternsSchema.optional().describe("absent: all that the project may use"),
  allowed_ips: allowedIps.default([]).describe("none: from everywhere"),
  limits: limitsSchema,
};

export const projectKeySchema = z
  .strictObject({ name: label, secret: keySecretSchema, ...policy }, { error: "must be a key" })
  .meta({ id: "projectKey", description: "A key of a project." });

export const userKeySchema = z
  .strictObject(
    {
      name: label,
      secret: keySecretSchema,
      project: nameSchema.optional().describe("absent: the user's only project"),
      ...policy,
    },
    { error: "must be a key" },
  )
  .meta({ id: "userKey", description: "A key of a user." });

export type ProjectKey = z.output<typeof projectKeySchema>;
export type UserKey = z.output<typeof userKeySchema>;

const nullableInput = <Schema extends z.ZodType>(schema: Schema) => schema.nullable().optional();

/** The body of `POST /admin/v1/keys`. */
export const newKeySchema = z.strictObject(
  {
    project: nameSchema,
    name: label.default("key"),
    user: nullableInput(nameSchema),
    models: nullableInput(modelPatternsSchema),
    expires: nullableInput(expirySchema),
    allowed_ips: nullableInput(allowedIps),
    limits: limitsSchema,
  },
  { error: "must be a key" },
);

export type NewKey = z.output<typeof newKeySchema>;

/** The body of `PATCH /admin/v1/keys/{id}`: what is absent stays; null takes a restriction away. */
export const keyPatchSchema = z.strictObject(
  {
    disabled: z.boolean({ error: "must be true or false" }).optional(),
    name: label.optional(),
    models: nullableInput(modelPatternsSchema),
    expires: nullableInput(expirySchema),
    allowed_ips: nullableInput(allowedIps),
    limits: limitsSchema.unwrap().optional(),
  },
  { error: "must be a change of a key" },
);

export type KeyPatch = z.output<typeof keyPatchSchema>;
