import type { EndpointId } from "./ask-server.ts";
import type { FieldFlag } from "./field-flags.ts";
import type { Noun } from "./nouns.ts";
import { parseCondition, parseRight, parseScope } from "./parse-scope.ts";

/** How an endpoint is called from the command line. */
export interface Verb {
  readonly endpoint: EndpointId;
  /** The help's sentence, where the contract's does not suit. */
  readonly about?: string;
  /** Fields that are given in this order without a flag; names of the path and texts that must be there when left out. */
  readonly args?: readonly string[];
  /** The field that is the user of the login when it is left out; a flag unless it is one of `args`. */
  readonly self?: string;
  /** Fields that are given in a way of their own. */
  readonly flags?: Readonly<Record<string, Partial<FieldFlag>>>;
  /** Fields that are left to another verb. */
  readonly omit?: readonly string[];
  /** Fields that the verb itself says; the body has no others then. */
  readonly fixed?: Readonly<Record<string, unknown>>;
  /** Fields that are asked for without an echo, or come from standard input or a file, a line each. */
  readonly secrets?: readonly Secret[];
  /** Fields of an entry that the table shows; all when left out. */
  readonly columns?: readonly string[];
}

export interface Secret {
  readonly field: string;
  readonly question: string;
  /** A new one, which is asked for twice. */
  readonly twice?: true;
  /** Asked for only when the user of the login is meant. */
  readonly own?: true;
}

const scope = {
  flags: ["--scope <place:actions[:tags]>"],
  about:
    "what it may do where, several times: team/app:pull,push (a repository), team/:pull (a namespace), team/app:push:v*,ci-* (these tags)",
  read: (given: unknown) => (given as readonly string[]).map(parseScope),
  several: true,
} as const;

const conditions = {
  flags: ["--condition <claim=text>"],
  about:
    'what a claim must be, several times: sub=text, sub~pattern*, "ref in main,next", kubernetes.io/namespace=text',
  read: (given: unknown) => (given as readonly string[]).map(parseCondition),
  several: true,
} as const;

const grants = {
  flags: ["--grant <place:role>"],
  about:
    "what it gives where, several times: team/:writer (a namespace), team/app:pull,push (a repository), team/:writer:ci-*",
  read: (given: unknown) => (given as readonly string[]).map(parseRight),
  several: true,
} as const;

/** What can be done with each noun. */
export const verbs: Readonly<Record<Noun, Readonly<Record<string, Verb>>>> = {
  user: {
    list: { endpoint: "listUsers", columns: ["name", "display", "email", "source", "disabled", "createdAt"] },
    show: { endpoint: "getUser", args: ["user"], self: "user" },
    create: {
      endpoint: "createUser",
      secrets: [{ field: "password", question: "Password of the new user", twice: true }],
    },
    update: { endpoint: "updateUser", args: ["user"], self: "user", omit: ["disabled"] },
    disable: { endpoint: "updateUser", about: "let none of a user's credentials be good", fixed: { disabled: true } },
    enable: { endpoint: "updateUser", about: "let a user log in again", fixed: { disabled: false } },
    delete: { endpoint: "deleteUser" },
    password: {
      endpoint: "changePassword",
      about: "change your password, or as an owner of the server another user's",
      args: ["user"],
      self: "user",
      secrets: [
        { field: "old", question: "Old password", own: true },
        { field: "new", question: "New password", twice: true },
      ],
    },
  },
  group: {
    list: { endpoint: "listGroups", columns: ["name", "source", "createdAt"] },
    show: { endpoint: "getGroup" },
    create: { endpoint: "createGroup" },
    rename: { endpoint: "updateGroup", args: ["group", "name"] },
    delete: { endpoint: "deleteGroup" },
    members: { endpoint: "listMembers" },
    add: { endpoint: "addMember" },
    remove: { endpoint: "removeMember" },
  },
  token: {
    list: {
      endpoint: "listTokens",
      self: "user",
      columns: ["id", "name", "scope", "expiresAt", "usedAt", "revokedAt"],
    },
    create: { endpoint: "createToken", self: "user", flags: { scope } },
    revoke: { endpoint: "revokeToken", self: "user" },
    "revoke-all": { endpoint: "revokeTokens", self: "user" },
  },
  trust: {
    list: { endpoint: "listTrustRules", columns: ["name", "namespace", "issuer", "conditions", "grants", "disabled"] },
    show: { endpoint: "getTrustRule" },
    create: { endpoint: "createTrustRule", args: ["name"], flags: { conditions, grants } },
    update: { endpoint: "updateTrustRule", flags: { conditions, grants }, omit: ["disabled"] },
    disable: {
      endpoint: "updateTrustRule",
      about: "believe nobody by a trust rule for now",
      fixed: { disabled: true },
    },
    enable: { endpoint: "updateTrustRule", about: "believe by a trust rule again", fixed: { disabled: false } },
    delete: { endpoint: "deleteTrustRule" },
    presets: { endpoint: "listTrustPresets", columns: ["id", "title", "issuer", "issuerHint"] },
  },
  namespace: {
    list: { endpoint: "listNamespaces", columns: ["path", "public", "createdAt"] },
    show: { endpoint: "getNamespace" },
    create: { endpoint: "createNamespace" },
    update: { endpoint: "updateNamespace" },
    delete: { endpoint: "deleteNamespace" },
  },
};
