import { z } from "zod";
import { userKeySchema } from "./key.ts";
import { limitsSchema } from "./limit.ts";
import { nameSchema } from "./name.ts";

export const roles = ["owner", "admin", "auditor", "member"] as const;

export const userSchema = z
  .strictObject(
    {
      name: nameSchema,
      email: z.email({ error: "must be an email address" }).optional(),
      role: z.enum(roles, { error: `must be one of ${roles.join(", ")}` }).default("member"),
      projects: z.array(nameSchema, { error: "must be a list of projects" }).default([]),
      limits: limitsSchema,
      keys: z.array(userKeySchema, { error: "must be a list of keys" }).default([]),
    },
    { error: "must be a user" },
  )
  .meta({ id: "user", description: "A person or service account in projects." });

export type User = z.output<typeof userSchema>;
/** What is stored of a user beside its name and its keys. */
export type UserSettings = Omit<User, "name" | "keys">;
