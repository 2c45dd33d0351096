import { usageError } from "./command-error.ts";
import { exitCodes } from "./exit-codes.ts";
import { byForce, byForceOrPurge, holdVerbs, usageVerbs } from "./keeping-verbs.ts";
import type { Noun } from "./nouns.ts";
import { quotaVerbs } from "./quota-verbs.ts";
import { settingVerbs } from "./setting-verbs.ts";
import { imageVerbs, tagVerbs, undoVerbs } from "./tag-verbs.ts";
import type { Spread, Verb } from "./verb.ts";
import { parseCondition, parsePlace, parseRight, parseScope, parseSubject } from "./parse-scope.ts";

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

const rights = {
  ...grants,
  flags: ["--scope <place:role>"],
  about: grants.about.replace("it gives", "it may do"),
} as const;

const aws = {
  flags: ["--aws"],
  about: "make a key pair for tools of AWS, accessKeyId and secretAccessKey, instead of a secret",
} as const;

/** Where a grant is. */
const place: Spread = {
  about: "team/ is a namespace, / the root, team/app a repository",
  fields: ["path", "name"],
  read: (text) => {
    const { namespace, repository, tag } = parsePlace(text);
    if (tag !== undefined) {
      throw usageError(
        `${JSON.stringify(text)} is no place for a grant: give the place first, then who gets it, as in team/ user:alice writer; --tags limits it to some tags`,
      );
    }
    return repository === undefined ? { path: namespace } : { name: repository };
  },
};

/** What a webhook is for. */
const webhookPlace: Spread = {
  about: "team/ is a namespace with all below it, / the whole server, team/app a repository",
  fields: ["namespace", "repository"],
  read: (text) => {
    const { namespace, repository, tag } = parsePlace(text);
    if (tag !== undefined) throw usageError("a webhook is for a namespace or repository: give --tags to limit it");
    return repository === undefined ? { namespace } : { repository };
  },
};

/** What a question is about. */
const subject: Spread = {
  about: "team/app is a repository, team/app:v1 a tag of it, team/ a namespace, / the root",
  fields: ["name", "namespace", "tag"],
  read: (text) => {
    const { namespace, repository, tag } = parsePlace(text);
    // In a query an empty text is easily lost: the API writes the root as a dash.
    if (repository === undefined) return { namespace: namespace === "" ? "-" : namespace };
    return { name: repository, ...(tag === undefined ? {} : { tag }) };
  },
};

const to = {
  about: "user:alice or alice, group:dev, robot:robot_team_ci, trust:ci",
  read: (given: unknown) => parseSubject(given as string),
};

const inNamespace = { labels: { path: "namespace" } } as const;

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
    create: { endpoint: "createToken", self: "user", flags: { scope, aws } },
    show: { endpoint: "getToken", self: "user" },
    revoke: { endpoint: "revokeToken", self: "user" },
    "revoke-all": { endpoint: "revokeTokens", self: "user" },
    logins: { endpoint: "listLogins", self: "user", columns: ["id", "client", "credential", "createdAt", "expiresAt"] },
    "end-login": { endpoint: "endLogin", self: "user" },
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
    "take-over": { endpoint: "takeOverTrustRule" },
    delete: { endpoint: "deleteTrustRule" },
    presets: { endpoint: "listTrustPresets", columns: ["id", "title", "issuer", "issuerHint"] },
  },
  robot: {
    list: {
      endpoint: "listRobots",
      ...inNamespace,
      columns: ["name", "login", "scope", "disabled", "expiresAt", "usedAt"],
    },
    show: { endpoint: "getRobot", ...inNamespace },
    create: { endpoint: "createRobot", ...inNamespace, flags: { scope: rights, aws } },
    update: { endpoint: "updateRobot", ...inNamespace, omit: ["disabled"] },
    disable: {
      endpoint: "updateRobot",
      ...inNamespace,
      about: "let no secret of a robot be good",
      fixed: { disabled: true },
    },
    enable: { endpoint: "updateRobot", ...inNamespace, about: "let a robot log in again", fixed: { disabled: false } },
    delete: { endpoint: "deleteRobot", ...inNamespace },
    rotate: { endpoint: "rotateRobot", ...inNamespace, flags: { aws } },
    "take-over": { endpoint: "takeOverRobot", ...inNamespace },
  },
  grant: {
    list: {
      endpoint: "listNamespaceGrants",
      orElse: { field: "name", endpoint: "listRepositoryGrants" },
      about: "list the grants on a namespace or repository itself",
      args: ["place"],
      spread: { place },
      columns: ["id", "to", "on", "role", "actions", "tags", "createdBy", "giverMay"],
    },
    create: {
      endpoint: "createNamespaceGrant",
      orElse: { field: "name", endpoint: "createRepositoryGrant" },
      about: "give a role or actions on a namespace, with all below it, or on a repository",
      args: ["place", "to", "role"],
      spread: { place },
      flags: { to },
    },
    show: {
      endpoint: "getNamespaceGrant",
      orElse: { field: "name", endpoint: "getRepositoryGrant" },
      about: "show a grant",
      args: ["place", "grant"],
      spread: { place },
    },
    delete: {
      endpoint: "deleteNamespaceGrant",
      orElse: { field: "name", endpoint: "deleteRepositoryGrant" },
      about: "take a grant away",
      args: ["place", "grant"],
      spread: { place },
    },
  },
  access: {
    explain: {
      endpoint: "explainAccess",
      about: "say whether somebody may do something, and why; ends with 4 when not",
      args: ["principal", "action", "place"],
      spread: {
        principal: {
          about: "alice, user:alice, robot:robot_team_ci, anonymous, or me",
          fields: ["principal"],
          read: (text) => (text === "me" ? {} : { principal: text }),
        },
        place: subject,
      },
      exitCode: (answer) => ((answer as { readonly allowed: boolean }).allowed ? exitCodes.done : exitCodes.found),
    },
  },
  trail: {
    list: {
      endpoint: "listAudit",
      orElse: { field: "path", endpoint: "listNamespaceAudit" },
      about: "list who did or tried what, over the network",
      args: ["namespace"],
      spread: {
        namespace: {
          about: "in whose repositories; everywhere when left out",
          optional: true,
          fields: ["path"],
          read: (text) => ({ path: text.replace(/\/$/, "") }),
        },
      },
      columns: ["at", "principal", "decision", "action", "repository", "target", "reason"],
    },
  },
  namespace: {
    list: { endpoint: "listNamespaces", columns: ["path", "public", "createdAt"] },
    show: { endpoint: "getNamespace" },
    create: { endpoint: "createNamespace" },
    update: { endpoint: "updateNamespace" },
    delete: { endpoint: "deleteNamespace" },
  },
  repository: {
    list: { endpoint: "listRepositories", columns: ["name", "visibility", "public", "createdAt", "pushedAt"] },
    show: { endpoint: "getRepository" },
    create: { endpoint: "createRepository" },
    update: { endpoint: "updateRepository" },
    rename: { endpoint: "renameRepository", args: ["name", "to"], ...byForce },
    delete: { endpoint: "deleteRepository", ...byForceOrPurge },
  },
  settings: settingVerbs,
  quota: quotaVerbs,
  image: imageVerbs,
  tag: tagVerbs,
  undo: undoVerbs,
  hold: holdVerbs,
  usage: usageVerbs,
  maintenance: {
    show: { endpoint: "getMaintenance" },
    "read-only": { endpoint: "setReadOnly", args: ["state"] },
  },
  job: {
    list: {
      endpoint: "listJobs",
      columns: ["id", "kind", "about", "state", "attempts", "createdBy", "createdAt", "endedAt", "error"],
    },
    show: { endpoint: "getJob" },
    retry: { endpoint: "retryJob" },
  },
  webhook: {
    list: {
      endpoint: "listWebhooks",
      columns: ["id", "namespace", "repository", "url", "events", "disabled", "trouble"],
    },
    show: { endpoint: "getWebhook" },
    create: { endpoint: "createWebhook", args: ["place", "url"], spread: { place: webhookPlace } },
    update: { endpoint: "updateWebhook", args: ["webhook"], omit: ["disabled"] },
    disable: { endpoint: "updateWebhook", about: "tell a receiver of nothing for now", fixed: { disabled: true } },
    enable: { endpoint: "updateWebhook", about: "tell a receiver of events again", fixed: { disabled: false } },
    delete: { endpoint: "deleteWebhook" },
    rotate: { endpoint: "rotateWebhook" },
    test: {
      endpoint: "testWebhook",
      about: "send an event that tells of nothing, and say what came of it; ends with 4 when it did not arrive",
      exitCode: (answer) => ((answer as { readonly delivered: boolean }).delivered ? exitCodes.done : exitCodes.found),
    },
    deliveries: {
      endpoint: "listDeliveries",
      columns: ["id", "type", "repository", "state", "attempts", "status", "error", "happenedAt"],
    },
    redeliver: { endpoint: "redeliver" },
  },
};
