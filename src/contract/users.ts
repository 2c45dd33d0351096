import { z } from "zod";
import type { Endpoints } from "./endpoint.ts";
import { id, line, pageOf, pageQuery, plainName, time } from "./texts.ts";

export const user = z
  .object({
    id,
    name: z.string(),
    display: z.string().nullable(),
    email: z.string().nullable(),
    source: z.string().meta({ description: "`local`, or the identity provider that it comes from" }),
    disabled: z.boolean().meta({ description: "None of its credentials is good" }),
    createdAt: time,
    passwordChangedAt: time,
  })
  .meta({ id: "User" });

const display = line(200).nullable();
const email = line(254)
  .regex(/^[^@\s]+@[^@\s]+$/, "is no address")
  .nullable();
/** The rules are the server's; this bounds what it looks at. */
const password = z.string().max(4096);
const parameters = z.strictObject({ user: plainName });

export const userEndpoints = {
  listUsers: {
    method: "GET",
    path: "/users",
    tag: "users",
    summary: "List users by name",
    auth: { place: "root", action: "manage-access" },
    query: z.strictObject(pageQuery),
    answer: pageOf(user),
    status: 200,
    errors: [],
  },
  createUser: {
    method: "POST",
    path: "/users",
    tag: "users",
    summary: "Make a user",
    about: "It has no rights until a grant names it. Only an owner of the server may.",
    auth: { place: "root", action: "manage-access" },
    body: z.strictObject({
      name: plainName,
      display: display.optional(),
      email: email.optional(),
      password: password.optional().meta({ description: "12 to 1024 characters; without one it cannot log in by it" }),
    }),
    answer: user,
    status: 201,
    errors: ["CONFLICT"],
    once: true,
  },
  getUser: {
    method: "GET",
    path: "/users/{user}",
    tag: "users",
    summary: "Show a user",
    auth: { place: "self", action: "manage-access" },
    parameters,
    answer: user,
    status: 200,
    errors: ["NOT_FOUND"],
  },
  updateUser: {
    method: "PATCH",
    path: "/users/{user}",
    tag: "users",
    summary: "Change what people read of a user, or whether it may log in",
    about: "Only an owner of the server disables and enables. The last one cannot be disabled.",
    auth: { place: "self", action: "manage-access" },
    parameters,
    body: z.strictObject({
      display: display.optional(),
      email: email.optional(),
      disabled: z.boolean().optional(),
    }),
    answer: user,
    status: 200,
    errors: ["NOT_FOUND", "CONFLICT"],
    conditional: true,
  },
  deleteUser: {
    method: "DELETE",
    path: "/users/{user}",
    tag: "users",
    summary: "Delete a user with its tokens and grants",
    about: "Robots for which it answers are taken over or deleted before. The last owner of the server stays.",
    auth: { place: "root", action: "manage-access" },
    parameters,
    status: 204,
    errors: ["NOT_FOUND", "CONFLICT"],
    conditional: true,
  },
  changePassword: {
    method: "POST",
    path: "/users/{user}/password",
    tag: "users",
    summary: "Change a password",
    about: "The user itself says the old one; an owner of the server sets it for others. Its tokens stay good.",
    auth: { place: "self", action: "manage-access" },
    parameters,
    body: z.strictObject({ old: password.optional(), new: password }),
    status: 204,
    errors: ["NOT_FOUND", "CONFLICT", "DENIED"],
  },
} as const satisfies Endpoints;
