import { z } from "zod";
import type { Action } from "../policy/index.ts";

/*
 * A registry token, a JSON Web Token (RFC 7519) as docker's token protocol wants it. Each part is base64url:
 *
 *   {"alg":"EdDSA","kid":"<43 characters>","typ":"JWT"} . <claims> . <signature, 64 bytes>
 *
 * The head is exactly this text: no key, no address of a key, no other algorithm has a place in it.
 */

/** The head of a token. @param kid id of the signing key */
export function headOf(kid: string): string {
  return `{"alg":"EdDSA","kid":"${kid}","typ":"JWT"}`;
}

/** The key's id in a head of exactly that form. */
export const headPattern = /^\{"alg":"EdDSA","kid":"([\w-]{43})","typ":"JWT"\}$/;

/** Actions as clients of the token protocol write them. */
export const wireActions = ["pull", "push", "delete"] as const;

export type WireAction = (typeof wireActions)[number];

/**
 * What each stands for. A push makes repositories and moves tags as far as the rights of its principal go, which are asked
 * when the token is used.
 */
export const actionsOfWire: Readonly<Record<WireAction, readonly Action[]>> = {
  pull: ["pull"],
  push: ["push", "overwrite-tag", "create-repository"],
  delete: ["delete"],
};

const accessSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("repository"),
    name: z.string().min(1).max(255),
    /** Row of the repository that was meant; null when it was not there yet. */
    id: z.int().nullable(),
    actions: z.array(z.enum(wireActions)).min(1),
  }),
  z.strictObject({ type: z.literal("registry"), name: z.literal("catalog"), actions: z.tuple([z.literal("*")]) }),
]);

/** A part of what a token is for. */
export type TokenAccess = z.output<typeof accessSchema>;

/** What a token says; times are seconds since 1970. */
export const claimsSchema = z.strictObject({
  /** What clients call this registry; the same as `aud`. */
  iss: z.string().min(1),
  /** The principal's name, for people. */
  sub: z.string().min(1),
  aud: z.string().min(1),
  exp: z.int().positive(),
  nbf: z.int().positive(),
  iat: z.int().positive(),
  /** Of this token alone. */
  jti: z.string().min(16),
  access: z.array(accessSchema),
  /** Whose it is: what it may do is asked of the rows when it is used. */
  holder: z.strictObject({
    kind: z.enum(["anonymous", "account", "robot", "workload"]),
    id: z.int().nonnegative(),
    credential: z.string().min(1),
    fingerprint: z.string().nullable(),
  }),
});

export type Claims = z.output<typeof claimsSchema>;
