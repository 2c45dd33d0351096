import type { PolicyPlace, PrincipalList } from "./form.ts";
import { isObject } from "./read-document.ts";

/** Says what is wrong with a statement. */
export type Refuse = (what: string) => Error;

/** Where principals are named. */
export interface PrincipalPlace extends PolicyPlace {
  /** Other registries are let send images here: those are other accounts, which mean nobody here. */
  readonly replicates: boolean;
}

const nobody: PrincipalList = { everybody: false, account: false, arns: [] };
const everybody: PrincipalList = { ...nobody, everybody: true };

/** Why a kind of principal cannot be evaluated here. */
const others: Readonly<Record<string, string>> = {
  Service: "no service of AWS asks this registry for images: name the user or role that does",
  Federated: "who logs in by a provider acts as a user or role here: name that one",
  CanonicalUser: "canonical ids belong to S3: name a user or role by its ARN",
};

/** Reads `Principal` or `NotPrincipal`. @throws what `refuse` makes */
export function parsePrincipals(value: unknown, place: PrincipalPlace, refuse: Refuse): PrincipalList {
  if (value === "*") return everybody;
  if (!isObject(value)) throw refuse('Principal is neither "*" nor an object: write { "AWS": [ …ARNs ] }');
  const kinds = Object.keys(value);
  if (kinds.length === 0) throw refuse('Principal is empty, which names nobody: write { "AWS": [ …ARNs ] }');
  for (const kind of kinds) {
    if (kind === "AWS") continue;
    if (!Object.hasOwn(others, kind))
      throw refuse(`Principal has ${JSON.stringify(kind)}, which is unknown: write "AWS"`);
    throw refuse(`Principal has ${kind}, which cannot be evaluated: ${others[kind]}`);
  }
  const names = textsOf(value["AWS"], "Principal", refuse);
  return names.map((name) => parseName(name, place, refuse)).reduce(join, nobody);
}

function join(left: PrincipalList, right: PrincipalList): PrincipalList {
  return {
    everybody: left.everybody || right.everybody,
    account: left.account || right.account,
    arns: [...left.arns, ...right.arns],
  };
}

/** `arn:aws:iam::<account>:user/<name>`, in any partition. */
const arn = /^arn:(aws(?:-[a-z]+)*):(iam|sts)::([^:]*):(.*)$/;

function parseName(name: string, { account, replicates }: PrincipalPlace, refuse: Refuse): PrincipalList {
  if (name === "*") return everybody;
  const own = (of: string) => {
    if (of === account) return;
    throw refuse(
      `the principal ${name} is of another account than this registry's, whose users are not known here: write ${account}`,
    );
  };
  const away = replicates ? /^(?:arn:aws[a-z-]*:iam::)?([0-9]{12})(?::(?:root|user\/.+|role\/.+))?$/.exec(name) : null;
  if (away !== null && away[1] !== account && !/[*?]/.test(name)) return nobody;
  if (/^[0-9]{12}$/.test(name)) {
    own(name);
    return { ...nobody, account: true };
  }
  if (/^A(?:IDA|ROA)[A-Z0-9]{8,}$/.test(name)) {
    throw refuse(`the principal ${name} is the id of one that was deleted: name a user or role by its ARN`);
  }
  const [, , service, of, what = ""] = arn.exec(name) ?? [];
  if (service === undefined) {
    throw refuse(`the principal ${JSON.stringify(name)} is no ARN: write arn:aws:iam::${account}:user/<name>`);
  }
  if (/[*?]/.test(name)) {
    throw refuse(
      `the principal ${name} has a wildcard, which Principal does not take: compare aws:PrincipalArn by ArnLike`,
    );
  }
  own(of!);
  if (service === "iam" && what === "root") return { ...nobody, account: true };
  if (service === "sts") {
    throw refuse(`the principal ${name} is a single session: name its role, arn:aws:iam::${account}:role/<name>`);
  }
  const [, kind, called = ""] = /^([a-z-]+)\/(.*)$/s.exec(what) ?? [];
  if (kind === "group") throw refuse(`the principal ${name} is a group, which IAM does not take: name its users`);
  if (kind !== "user" && kind !== "role")
    throw refuse(`the principal ${name} is neither a user, a role nor root: name one of those`);
  if (called.includes("/")) throw refuse(`the principal ${name} has a path, and names have none here: leave it out`);
  // Robots' names have a plus, users' what addresses of mail have.
  if (!/^[\w+=,.@-]{1,255}$/.test(called))
    throw refuse(`the principal ${name} has no name that a ${kind} can have: write it as it is here`);
  return { ...nobody, arns: [`arn:aws:iam::${account}:${kind}/${called}`] };
}

/** One text or a list of them, not empty. */
export function textsOf(value: unknown, element: string, refuse: Refuse): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0)
    throw refuse(`${element} is an empty list, which names nothing: fill it, or leave the statement out`);
  for (const one of list) {
    if (typeof one !== "string") throw refuse(`${element} has ${JSON.stringify(one) ?? "nothing"}, which is no text`);
    if (one === "") throw refuse(`${element} has an empty text, which names nothing: leave it out`);
  }
  return list as readonly string[];
}
