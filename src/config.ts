import { join, resolve } from "node:path";
import { z } from "zod";
import {
  isNetwork,
  isNetworkOrName,
  logLevels,
  parseAddress,
  parseOrigin,
  parseDatabase,
  parseStorage,
} from "./lib/index.ts";
import type { Address, DatabaseLocation, StorageLocation } from "./lib/index.ts";
import {
  SettingsError,
  backgroundSettings,
  ecrSettings,
  fillSsoSecrets,
  ldapSettings,
  listSsoVariables,
  readSettings,
  setting,
  ssoSettings,
  tlsSettings,
} from "./lib/settings/index.ts";
import type { SettingValue } from "./lib/settings/index.ts";

const { choice, count, duration, flag, group, parsed, secret, size, text } = setting;

/** All settings. `berth config --schema` and `docs/configuration.md` are made from it. */
export const configSchema = z.strictObject({
  listen: parsed(parseAddress, {
    about: "Where the registry listens. Port 0 takes any free port.",
    must: "host:port, such as 127.0.0.1:5000 or [::1]:5000",
  }).prefault("127.0.0.1:5000"),
  data: text({ about: "Directory of what Berth keeps on this machine; made when it is not there." }).prefault("data"),
  database: parsed(parseDatabase, {
    about: "Where the rows are: the path of an SQLite file, or a `postgres://` URL. `berth.db` in `data` when not set.",
    must: "the path of an SQLite file, or a URL such as postgres://user:password@host:5432/name",
  })
    .optional()
    .meta({ secrecy: "password" }),
  databaseFile: text({
    about: "Path of a file that holds `database`, for a URL with a password.",
    must: "a path",
  }).optional(),
  storage: parsed(parseStorage, {
    about:
      "Where the bytes are: a directory, or `s3://bucket/prefix?endpoint=…&region=…&pathStyle=true`. `blobs` in `data` when not set.",
    must: "a directory, or s3://bucket/prefix with the options endpoint, region and pathStyle; credentials go into storageCredentials",
  })
    .optional()
    .meta({ secrecy: "password" }),
  storageCredentials: group(
    {
      ...secret("accessKeyId", { about: "Access key of the S3 store." }),
      ...secret("secretAccessKey", { about: "Secret key of the S3 store." }),
    },
    {
      about:
        "Keys of the S3 store. Without them they are looked for where Amazon's tools look: environment, profile, workload or instance identity.",
    },
  ),
  ops: parsed((value) => (value === "off" ? undefined : parseAddress(value)), {
    about: "Where health and metrics are served, or `off`.",
    must: "host:port, such as 127.0.0.1:5001, or off",
  }).prefault("127.0.0.1:5001"),
  open: flag(false, {
    about: "Anyone on this machine may do everything, with any password or none. Refused beyond loopback.",
  }),
  readOnly: flag(false, { about: "This node refuses pushes and deletes, and collects nothing; pulls go on." }),
  insecureHttp: flag(false, {
    about:
      "Listen beyond this machine without TLS. Passwords and tokens are readable on the way then: only behind a proxy that speaks TLS.",
  }),
  ...secret("adminPassword", {
    about:
      "Password of the first owner, `admin`, at the first start. Made up, and written to `initial-password` in `data`, when not set.",
  }),
  access: group(
    {
      tokenAge: duration("90d", { about: "The longest that a personal token may be good for.", least: 60_000 }),
      robotAge: duration("30d", { about: "How long a robot is good for when nobody says.", least: 60_000 }),
      clockSkew: duration("60s", {
        about: "How far the clocks of issuers of identity tokens may be from this machine's.",
      }),
      registryTokenAge: duration("5m", {
        about: "How long the tokens are good for that clients fetch with a login and push and pull by.",
        least: 1_000,
      }),
      refreshAge: duration("90d", {
        about: "How long a client that keeps a refresh token instead of a password need not log in again.",
        least: 60_000,
      }),
      freshness: duration("5m", {
        about:
          "How old it may be what a directory or provider of single sign-on said about somebody's groups when a login is used: it is asked again then. A directory is asked every minute at least.",
        least: 1_000,
      }),
      outage: duration("1h", {
        about:
          "How long that counts while the directory or provider cannot be asked, and how long a login lasts whose provider gives nothing to ask it by again.",
        least: 1_000,
      }),
      keyAge: duration("30d", {
        about: "How long a key signs registry tokens before another takes its place.",
        least: 1_000,
      }),
      failedLogins: count(5, {
        about:
          "Wrong passwords in a row, of one user from one address, before each further one must wait, twice as long each time; 0 never makes anybody wait.",
      }),
    },
    { about: "Credentials." },
  ),
  audit: group(
    { keep: duration("400d", { about: "Audit rows older than this are removed; their seals stay.", least: 1_000 }) },
    { about: "What was done and refused, and by whom." },
  ),
  ...backgroundSettings,
  ldap: ldapSettings,
  sso: ssoSettings,
  ecr: ecrSettings,
  publicUrl: parsed(parseOrigin, {
    about: "What clients call this registry, when they reach it through a proxy.",
    must: "http:// or https:// with a host and nothing after it, such as https://registry.example.com",
  }).optional(),
  trustedProxies: z
    .array(z.string().refine(isNetwork), "a list of networks such as 10.0.0.0/8 or ::1/128")
    .prefault([])
    .describe(
      "Networks of the proxies whose `X-Forwarded-*` headers are believed. In the environment: with commas between.",
    ),
  outgoing: group(
    {
      allow: z
        .array(
          z.string().refine(isNetworkOrName, "a list of networks and host names such as 10.0.0.0/8 or sso.internal"),
        )
        .prefault([])
        .describe(
          "Networks and host names that this server may ask although they are not public: issuers of identity tokens in your own network. In the environment: with commas between.",
        ),
      ca: text({
        about:
          "Path of certificates in PEM that are believed beside the usual ones, for issuers with their own authority.",
      }).optional(),
    },
    {
      about:
        "Requests that this server makes. Other addresses than public ones are refused, redirects are not followed.",
    },
  ),
  tls: tlsSettings,
  log: group(
    {
      level: choice(logLevels, "info", { about: "The least important lines that are written." }),
      requests: flag(true, { about: "One line for each request, at level info." }),
    },
    { about: "Lines of JSON on standard output." },
  ),
  limits: group(
    {
      connections: count(10_000, { about: "Connections at once; those above are told 503, and closed.", least: 1 }),
      headerBytes: size("16KiB", { about: "Headers of one request together.", least: 1024, most: 1024 ** 2 }),
      minimumRate: size("64KiB", {
        about: "Bytes that a body must bring in each 60 seconds; a slower one is ended. 0 takes any.",
      }),
      requestRate: count(0, { about: "Requests a second of one user or robot, bursts of ten seconds; 0 takes any." }),
      uploadsAtOnce: count(0, { about: "Uploads of one user or robot at a time; 0 takes any." }),
    },
    { about: "What one client may ask of the listener." },
  ),
  uploads: group(
    {
      idle: duration("24h", { about: "An upload that gets no byte for this long ends.", least: 1_000 }),
      age: duration("7d", { about: "An upload that began this long ago ends.", least: 1_000 }),
      bufferBytes: size("256MiB", { about: "Memory that all uploads share.", least: 8 * 1024 ** 2 }),
      inlineBytes: size("16KiB", {
        about: "Blobs up to this size live in their row, not in `storage`.",
        most: 1024 ** 2,
      }),
      freeSpace: size("256MiB", {
        about: "Uploads are refused with 507 while the store has less free space than this; reads and deletes go on.",
      }),
    },
    { about: "Pushes of blobs." },
  ),
  redirect: flag(false, { about: "Send readers of large blobs to the S3 store itself, by signed URLs." }),
  drain: duration("30s", { about: "How long requests in flight may go on after SIGTERM." }),
  drainNotice: duration("0s", {
    about:
      "After SIGTERM, how long the registry says that it is not ready and still takes connections, so that a load balancer sees it.",
  }),
});

/** Settings as a user writes them, nested. */
export type Settings = z.input<typeof configSchema>;

/** Settings, checked and complete: durations in milliseconds, sizes in bytes, paths absolute. */
export type Config = Omit<z.output<typeof configSchema>, "database" | "databaseFile" | "storage"> & {
  readonly database: DatabaseLocation;
  readonly storage: StorageLocation;
};

/** What {@link readConfig} found. */
export interface FoundConfig {
  readonly config: Config;
  /** Each setting with where it came from. */
  readonly values: readonly SettingValue[];
  readonly warnings: readonly string[];
}

/** Before the name of each setting in the environment. */
export const variablePrefix = "BERTH_";

/**
 * Reads defaults, the YAML file, the environment and flags; later ones win.
 * @param flags text by setting name; `config` is the path of the file
 * @throws SettingsError
 */
export async function readConfig(
  flags: Readonly<Record<string, string | boolean | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<FoundConfig> {
  if (/^\w+:\/\/(?:[^/]*:[^/]*@|.*[?&][^=]*password=)/i.test(String(flags["database"] ?? ""))) {
    throw new SettingsError([
      "--database holds a password, which every user of this machine can see among the processes: give it by BERTH_DATABASE or BERTH_DATABASE_FILE",
    ]);
  }
  const { settings, values, warnings } = await readSettings(configSchema, {
    file: (flags["config"] as string | undefined) ?? (environment["BERTH_CONFIG"] || undefined),
    environment,
    flags,
    prefix: variablePrefix,
    otherVariables: ["BERTH_CONFIG", ...listSsoVariables(environment, variablePrefix)],
  });
  const sso = await fillSsoSecrets(settings.sso, environment, variablePrefix);
  const config = completeConfig({ ...settings, sso });
  return { config, values: values.map((value) => completeValue(value, config)), warnings };
}

/** Shows the defaults that depend on `data`. */
function completeValue(given: SettingValue, { database, storage }: Config): SettingValue {
  if (given.value !== undefined) return given;
  if (given.entry.name === "database" && database.kind === "sqlite") return { ...given, value: database.path };
  if (given.entry.name === "storage" && storage.kind === "filesystem") return { ...given, value: storage.directory };
  return given;
}

/** The same from settings alone, for tests. @throws z.ZodError, SettingsError */
export function parseConfig(settings: Settings): Config {
  return completeConfig(configSchema.parse(settings));
}

function resolved(path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(path);
}

/** Milliseconds. */
const leastOrphanGrace = 3_600_000;

function completeConfig(settings: z.output<typeof configSchema>): Config {
  const { database, databaseFile: _, storage, ldap, outgoing, tls, storageCredentials, ...rest } = settings;
  const problems: string[] = [];
  if ((tls.certificate === undefined) !== (tls.key === undefined)) {
    problems.push("`tls.certificate` and `tls.key` belong together: set both, or neither");
  }
  const { clientCa, clientNames, clientCrl, clientMode } = tls;
  if (clientCa !== undefined && (tls.key === undefined || clientNames === undefined)) {
    problems.push(
      "`tls.clientCa` needs `tls.certificate`, `tls.key`, and `tls.clientNames`, which says whom certificates stand for",
    );
  }
  if (clientCa === undefined && (clientNames !== undefined || clientCrl !== undefined || clientMode === "require")) {
    problems.push(
      "`tls.clientNames`, `tls.clientCrl` and `tls.clientMode: require` need `tls.clientCa`, whose certificates are asked for",
    );
  }
  if ((storageCredentials.accessKeyId === undefined) !== (storageCredentials.secretAccessKey === undefined)) {
    problems.push("the two keys of `storageCredentials` belong together: set both, or neither");
  }
  if (settings.access.outage < settings.access.freshness) {
    problems.push("`access.outage` must be as long as `access.freshness` at least, which it extends");
  }
  if (ldap.url !== undefined && ldap.base === undefined) {
    problems.push("`ldap.url` needs `ldap.base`: the entry below which people are looked for");
  }
  if ((ldap.bindDn === undefined) !== (ldap.bindPassword === undefined)) {
    problems.push("`ldap.bindDn` and `ldap.bindPassword` belong together: set both, or neither");
  }
  const data = resolve(settings.data);
  const place = storage ?? { kind: "filesystem", directory: join(data, "blobs") };
  if (settings.redirect && place.kind !== "s3") {
    problems.push(
      "`redirect` needs a `storage` that readers can reach, s3://…: set it to false, or move the bytes to S3",
    );
  }
  if (!settings.open && settings.collection.orphanGrace < leastOrphanGrace) {
    problems.push(
      "`collection.orphanGrace` must be 1h at least: the object of a push that stands still for as long would be taken for an orphan; only --open takes less",
    );
  }
  if (settings.undo.window > settings.undo.maxWindow) {
    problems.push("`undo.window` must not be longer than `undo.maxWindow`: lower the one or raise the other");
  }
  if (problems.length > 0) throw new SettingsError(problems);
  return {
    ...rest,
    data,
    database: database ?? { kind: "sqlite", path: join(data, "berth.db") },
    storage: place,
    storageCredentials,
    ldap: { ...ldap, ca: resolved(ldap.ca) },
    outgoing: { ...outgoing, ca: resolved(outgoing.ca) },
    tls: {
      certificate: resolved(tls.certificate),
      key: resolved(tls.key),
      clientCa: resolved(clientCa),
      clientNames: resolved(clientNames),
      clientCrl: resolved(clientCrl),
      clientMode,
    },
  };
}

export type { Address, DatabaseLocation, StorageLocation };
