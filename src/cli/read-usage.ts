import { usageError } from "./command-error.ts";

/** A digest that runs. */
export interface ReadUse {
  readonly digest: string;
  readonly repository?: string;
  readonly workload: string;
}

/** What was found, and what could not be reported. */
export interface ReadUsage {
  readonly uses: readonly ReadUse[];
  /** Images of other registries. */
  readonly elsewhere: number;
  /** Images that no digest is known of. */
  readonly unknown: number;
}

export interface UsageSourceOptions {
  /** Of the server that is told, as references have it: `registry.example.com:5000`. */
  readonly host: string;
  /** Images of other registries are reported by their digests alone. */
  readonly anyHost: boolean;
  /** Of what has no workload of its own: the machine. */
  readonly machine: string;
}

type Json = Readonly<Record<string, unknown>>;

/** A container, and references by one of which its image was pulled. */
interface Running {
  readonly workload: string;
  readonly references: readonly string[];
}

const digestForm = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

/**
 * Reads what runs from the JSON of `kubectl get pods -o json`, of `docker inspect` (containers and images together), the lines
 * of `docker ps --format json`, or a list: a line for each, `registry/team/app@sha256:…` or a digest, and then what runs it.
 * @throws CommandError when the text is none of them
 */
export function readUsage(text: string, options: UsageSourceOptions): ReadUsage {
  const [uses, counts] = [
    new Map<string, { digest: string; repository?: string; workloads: Set<string> }>(),
    { elsewhere: 0, unknown: 0 },
  ];
  for (const { workload, references } of readRunning(text, options)) {
    const found = references.map((reference) => parseImage(reference)).filter((image) => image !== undefined);
    const here = found.filter(({ host }) => host === undefined || host === options.host || options.anyHost);
    if (found.length === 0) counts.unknown++;
    else if (here.length === 0) counts.elsewhere++;
    for (const { host, repository, digest } of here) {
      const named = host === options.host ? repository : undefined;
      const key = `${digest} ${named ?? ""}`;
      const known = uses.get(key) ?? {
        digest,
        ...(named === undefined ? {} : { repository: named }),
        workloads: new Set(),
      };
      uses.set(key, known);
      known.workloads.add(workload);
    }
  }
  const list = [...uses.values()].map(({ workloads, ...use }) => ({ ...use, workload: joinWorkloads([...workloads]) }));
  return { uses: list, ...counts };
}

/** As many as a report has room for. */
function joinWorkloads(workloads: readonly string[]): string {
  const [first = "", ...others] = workloads;
  const short = first.replaceAll(/\p{Cc}/gu, " ").slice(0, 150);
  return others.length === 0 ? short : `${short} and ${others.length} more`;
}

function readRunning(text: string, options: UsageSourceOptions): Running[] {
  const trimmed = text.trim();
  if (trimmed === "") return [];
  if (!/^[[{]/.test(trimmed)) return trimmed.split("\n").flatMap((line) => readLine(line, options));
  let value: unknown;
  try {
    value = JSON.parse(trimmed);
  } catch {
    // `docker ps --format json` gives an object a line.
    value = trimmed.split("\n").map((line) => parseLine(line));
  }
  if (Array.isArray(value)) return readDocker(value as Json[], options);
  const { kind, items } = value as Json;
  if (kind === "Pod") return readPod(value as Json);
  if (Array.isArray(items)) return (items as Json[]).flatMap((item) => readPod(item));
  return readDocker([value as Json], options);
}

function parseLine(line: string): Json {
  try {
    return JSON.parse(line) as Json;
  } catch {
    throw unreadable();
  }
}

function unreadable(): Error {
  return usageError(
    "this is neither the JSON of `kubectl get pods -o json`, `docker inspect` or `docker ps --format json`, nor a list of digests",
  );
}

function readLine(line: string, { machine }: UsageSourceOptions): Running[] {
  const [reference = "", ...workload] = line.trim().split(/\s+/);
  if (reference === "" || reference.startsWith("#")) return [];
  if (parseImage(reference) === undefined) {
    throw usageError(
      `${JSON.stringify(reference)} names no digest: write team/app@sha256:…, or sha256:…, a line for each`,
    );
  }
  return [{ workload: workload.join(" ") || machine, references: [reference] }];
}

/** Containers of a pod that is not over. */
function readPod({ kind, metadata = {}, spec = {}, status = {} }: { readonly [part: string]: unknown }): Running[] {
  if (kind !== undefined && kind !== "Pod") throw unreadable();
  const { phase } = status as Json;
  if (phase === "Succeeded" || phase === "Failed") return [];
  const workload = workloadOfPod(metadata as Json);
  const wanted = listOf(spec, "containers", "initContainers", "ephemeralContainers");
  const running = listOf(status, "containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses");
  const names = new Set([...wanted, ...running].map(({ name }) => name));
  return [...names].map((name) => {
    const own = running.find((one) => one["name"] === name);
    const { image } = wanted.find((one) => one["name"] === name) ?? {};
    const id = textOf(own?.["imageID"]);
    // Without a name it is the digest of a config, which no manifest has.
    const known = id.includes("@") ? [id] : [];
    const digest = /sha(?:256|512):[0-9a-f]+$/.exec(id)?.[0];
    // The node may know the digest by another repository's name than the one that the pod asks for.
    const asked = [textOf(image), textOf(own?.["image"])].flatMap((text) =>
      text.includes("@") || digest === undefined || known.length === 0 ? [text] : [text, `${text}@${digest}`],
    );
    return { workload, references: [...new Set([...known, ...asked])] };
  });
}

function workloadOfPod({ namespace, name, ownerReferences, labels }: Json): string {
  const [owner] = Array.isArray(ownerReferences) ? (ownerReferences as Json[]) : [];
  const place = textOf(namespace) || "default";
  if (owner === undefined) return `${place}/pod/${textOf(name)}`;
  const hash = textOf((labels as Json | undefined)?.["pod-template-hash"]);
  const [kind, named] = [textOf(owner["kind"]).toLowerCase(), textOf(owner["name"])];
  const ofDeployment = kind === "replicaset" && hash !== "" && named.endsWith(`-${hash}`);
  return ofDeployment ? `${place}/deployment/${named.slice(0, -hash.length - 1)}` : `${place}/${kind}/${named}`;
}

/** Containers, with the digests of the images that are among the objects. */
function readDocker(objects: readonly Json[], { machine }: UsageSourceOptions): Running[] {
  const images = new Map(
    objects.flatMap((one) =>
      Array.isArray(one["RepoDigests"]) ? [[textOf(one["Id"]), one["RepoDigests"] as string[]]] : [],
    ),
  );
  const containers = objects.filter((one) => one["Image"] !== undefined);
  if (containers.length === 0 && images.size === 0 && objects.length > 0) throw unreadable();
  return containers
    .filter(({ State: state }) => isRunning(state))
    .map((one) => {
      const name = textOf(one["Name"] ?? one["Names"]).replace(/^\//, "");
      const asked = textOf((one["Config"] as Json | undefined)?.["Image"] ?? one["Image"]);
      return { workload: `${machine}/${name}`, references: [asked, ...(images.get(textOf(one["Image"])) ?? [])] };
    });
}

function isRunning(state: unknown): boolean {
  const status = typeof state === "object" && state !== null ? (state as Json)["Status"] : state;
  return status === undefined || !["exited", "dead", "created"].includes(textOf(status));
}

function listOf(of: unknown, ...keys: readonly string[]): Json[] {
  return keys.flatMap((key) => ((of as Json)[key] as Json[] | undefined) ?? []);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

interface Image {
  /** Undefined where the reference has none. */
  readonly host: string | undefined;
  readonly repository: string;
  readonly digest: string;
}

/** The parts of a reference with a digest; undefined without one. */
function parseImage(reference: string): Image | undefined {
  const text = reference.replace(/^[a-z-]+:\/\//, "");
  if (digestForm.test(text)) return { host: undefined, repository: "", digest: text };
  const [name = "", digest = ""] = text.split("@");
  if (!digestForm.test(digest)) return undefined;
  const [first = "", ...rest] = name.split("/");
  const named = rest.length > 0 && /[.:]|^localhost$/.test(first);
  const path = named ? rest.join("/") : name;
  // Without a host docker means its own hub.
  return { host: named ? first : "docker.io", repository: path.replace(/:[^:/]*$/, ""), digest };
}
