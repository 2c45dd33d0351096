/** Members of an answer's body, or its text where that is no object. */
export interface ComparedAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A member that one answer has otherwise than the other. */
export interface Difference {
  /** `imageDetails.*.imageSizeInBytes`; `(answer)` where one is refused and the other is not. */
  readonly member: string;
  /** What stands for `*`: keys of the lists' items. */
  readonly keys: readonly string[];
  /** Absent members are undefined. */
  readonly theirs: unknown;
  readonly ours: unknown;
}

type Tree = { readonly [key: string]: unknown };

/** Lists whose order says nothing, and what tells their items apart. */
const sets: Readonly<Record<string, readonly string[]>> = {
  repositories: ["repositoryName"],
  imageDetails: ["imageDigest"],
  imageIds: ["imageDigest", "imageTag"],
  images: ["imageId"],
  failures: ["imageId", "repositoryName"],
  scanningConfigurations: ["repositoryName"],
  tags: ["Key"],
  pullThroughCacheRules: ["ecrRepositoryPrefix"],
  repositoryCreationTemplates: ["prefix"],
};

/** Members that another call would have otherwise. */
const times = /(?:At|Time|Date)$/;
const secrets = new Set(["authorizationToken"]);
const addresses = new Set(["proxyEndpoint", "downloadUrl"]);

/** What differs between two answers, once what varies by nature is taken out: ids, times, hosts, secrets, order in sets. */
export function compareAnswers(theirs: ComparedAnswer, ours: ComparedAnswer): Difference[] {
  const refusal = (answer: ComparedAnswer) => (answer.status >= 400 ? readRefusal(answer) : undefined);
  const [left, right] = [refusal(theirs), refusal(ours)];
  if ((left === undefined) !== (right === undefined)) {
    const show = (answer: ComparedAnswer, error: Tree | undefined) => error ?? answer.body;
    return [{ member: "(answer)", keys: [], theirs: show(theirs, left), ours: show(ours, right) }];
  }
  return differ(left ?? order(theirs.body), right ?? order(ours.body), [], []);
}

/** One of the two spellings of the message is enough; pages of HTML are no errors of the protocol. */
function readRefusal({ status, body }: ComparedAnswer): Tree {
  if (typeof body !== "object" || body === null) return { __type: `status ${status}`, message: "" };
  const { __type, message, Message, ...more } = body as Tree;
  return { __type, message: steady("message", message ?? Message), ...more };
}

/** Sets become objects by key, so that an item that is missing is one difference. */
function order(value: unknown, name = ""): unknown {
  if (Array.isArray(value)) {
    const by = sets[name];
    if (by === undefined || !value.every((one) => typeof one === "object" && one !== null)) {
      return name === "imageTags" ? (value as string[]).toSorted() : value.map((one) => order(one));
    }
    const items: Record<string, unknown> = {};
    for (const one of value as Tree[]) {
      const key = by
        .map((part) => shown(one[part]))
        .join(" ")
        .trim();
      items[key in items ? `${key} again` : key] = order(one);
    }
    return items;
  }
  if (typeof value !== "object" || value === null) return steady(name, value);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, order(one, key)]));
}

function shown(part: unknown): string {
  return part === undefined ? "" : typeof part === "string" ? part : JSON.stringify(part);
}

const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

/** A value without what varies. */
function steady(name: string, value: unknown): unknown {
  if (times.test(name) && (typeof value === "number" || typeof value === "string")) return "(time)";
  if (typeof value !== "string") return value;
  if (secrets.has(name)) return "(secret)";
  if (addresses.has(name)) return "(address)";
  return value.replace(uuid, "(id)");
}

function differ(theirs: unknown, ours: unknown, path: readonly string[], keys: readonly string[]): Difference[] {
  if (isTree(theirs) && isTree(ours)) {
    const inSet = path.at(-1) !== undefined && path.at(-1)! in sets;
    const names = new Set([...Object.keys(theirs), ...Object.keys(ours)]);
    return [...names].flatMap((name) =>
      differ(theirs[name], ours[name], [...path, inSet ? "*" : name], inSet ? [...keys, name] : keys),
    );
  }
  if (JSON.stringify(theirs) === JSON.stringify(ours)) return [];
  return [{ member: path.join("."), keys, theirs, ours }];
}

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
