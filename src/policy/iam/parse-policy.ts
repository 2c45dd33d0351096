import { ecrActions } from "./actions.ts";
import type { IamPolicy, IamStatement, PolicyPlace, PrincipalList } from "./form.ts";
import { IamFault } from "./iam-fault.ts";
import type { StatementName } from "./iam-fault.ts";
import { findKey } from "./keys.ts";
import { splitArn } from "./operators.ts";
import { parseConditions, textReader } from "./parse-conditions.ts";
import type { ReadText } from "./parse-conditions.ts";
import { parsePrincipals, textsOf } from "./parse-principals.ts";
import type { PrincipalPlace, Refuse } from "./parse-principals.ts";
import { isObject, readDocument } from "./read-document.ts";
import type { Json } from "./read-document.ts";
import { matchesWildcard, parseWildcard } from "./wildcard.ts";
import type { Wildcard } from "./wildcard.ts";

/**
 * Reads a policy in IAM's language as SetRepositoryPolicy and PutRegistryPolicy take it. All of it can be evaluated then:
 * what cannot is refused, so that nothing is kept that does not act.
 * @param text JSON, at most 10,240 characters
 * @throws IamFault naming the statement, what is wrong, and what to do
 */
export function parseIamPolicy(text: string, place: PolicyPlace): IamPolicy {
  const document = readDocument(text);
  const unknown = Object.keys(document).find((name) => !["Version", "Id", "Statement"].includes(name));
  if (unknown !== undefined) {
    throw new IamFault(`the policy has ${JSON.stringify(unknown)}, which is unknown: it has Version, Id and Statement`);
  }
  const { Version: version = "2008-10-17", Id: id, Statement: statement } = document;
  if (version !== "2012-10-17" && version !== "2008-10-17") {
    throw new IamFault(`the version ${JSON.stringify(version)} is unknown: write "2012-10-17"`);
  }
  if (id !== undefined && typeof id !== "string") throw new IamFault("Id is no text: write one, or leave it out");
  if (statement === undefined) throw new IamFault("the policy has no Statement: add one");
  const list: readonly unknown[] = Array.isArray(statement) ? statement : [statement];
  if (list.length === 0) throw new IamFault("Statement is an empty list: add one, or delete the policy");
  const statements = list.map((one, index) => parseStatement(one, index + 1, version, place));
  return {
    statements,
    arns: [...new Set(statements.flatMap(({ principals }) => principals.arns))],
    ofRequest: statements.some(({ ofRequest }) => ofRequest),
  };
}

const elements = [
  ...["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"],
];

function parseStatement(value: unknown, number: number, version: string, place: PolicyPlace): IamStatement {
  if (!isObject(value))
    throw new IamFault('it is no object: write { "Effect": …, "Principal": …, "Action": … }', {
      number,
      sid: undefined,
    });
  const { Sid: sid, Effect: effect, Condition: condition } = value;
  const name: StatementName = { number, sid: typeof sid === "string" ? sid : undefined };
  const refuse: Refuse = (what) => new IamFault(what, name);
  if (sid !== undefined && typeof sid !== "string") throw refuse("Sid is no text: write one, or leave it out");
  const unknown = Object.keys(value).find((one) => !elements.includes(one));
  if (unknown !== undefined) {
    const near = elements.find((one) => one.toLowerCase() === unknown.toLowerCase());
    throw refuse(
      `it has ${JSON.stringify(unknown)}, which is unknown: ${near === undefined ? "leave it out" : `write ${near}`}`,
    );
  }
  if (effect !== "Allow" && effect !== "Deny") throw refuse('Effect is neither "Allow" nor "Deny": write one of them');
  const read = textReader(version, refuse);
  const actions = readActions(value, place, refuse);
  const replicates = place.of === "registry" && isReplication(actions);
  const principals = readPrincipals(value, effect, { ...place, replicates }, refuse);
  const resources = readResources(value, place, read, refuse);
  const conditions = parseConditions(condition, read, refuse);
  const keys = keysOf(conditions, resources.resources);
  const ofRequest = keys.some(isOfRequest);
  const { everybody, account, arns } = principals.principals;
  // Other accounts are named alone only where it replicates.
  const isOfOthers = !everybody && !account && arns.length === 0;
  const idle = isOfOthers || [...actions].every((action) => idleActions.has(action));
  const common = (everybody || account) && !principals.notPrincipal && keys.every(isOfRequest);
  return { name, effect, ...principals, actions, ...resources, conditions, ofRequest, common, idle };
}

/** What nothing here does yet. */
const idleActions: ReadonlySet<string> = new Set(["ecr:ReplicateImage", "ecr:BatchImportUpstreamImage"]);

/** All that a registry's policy of the first kind is about. */
const firstActions: ReadonlySet<string> = new Set([...idleActions, "ecr:CreateRepository"]);

/** What another registry is let do that sends its images here: it is named by its account. */
function isReplication(actions: ReadonlySet<string>): boolean {
  return actions.has("ecr:ReplicateImage") && [...actions].every((action) => firstActions.has(action));
}

function readPrincipals(value: Json, effect: "Allow" | "Deny", place: PrincipalPlace, refuse: Refuse) {
  const { Principal: named, NotPrincipal: others } = value;
  if ((named === undefined) === (others === undefined)) {
    throw refuse('it needs either Principal or NotPrincipal: write "Principal": { "AWS": [ …ARNs ] }');
  }
  if (others === undefined) return { principals: parsePrincipals(named, place, refuse), notPrincipal: false };
  const principals = parsePrincipals(others, { ...place, replicates: false }, refuse);
  if (effect === "Allow") {
    throw refuse("NotPrincipal with Allow lets in everybody else, those to come included: name who may in Principal");
  }
  checkOthers(principals, place, refuse);
  return { principals, notPrincipal: true };
}

/** With AWS a user is spared by a Deny with NotPrincipal only where the account is listed as well. */
function checkOthers({ everybody, account, arns }: PrincipalList, place: PolicyPlace, refuse: Refuse): void {
  if (everybody) throw refuse("NotPrincipal with everybody denies nobody: leave the statement out");
  if (arns.length === 0) {
    throw refuse(
      "NotPrincipal with the account alone spares nobody, since nobody is its root here: name users or roles too",
    );
  }
  if (!account) {
    throw refuse(`NotPrincipal without the account denies its users too: add arn:aws:iam::${place.account}:root to it`);
  }
}

function readActions(value: Json, place: PolicyPlace, refuse: Refuse): ReadonlySet<string> {
  const { Action: named, NotAction: others } = value;
  if ((named === undefined) === (others === undefined))
    throw refuse("it needs either Action or NotAction: write one of them");
  const element = others === undefined ? "Action" : "NotAction";
  const found = textsOf(named ?? others, element, refuse).map((text) => expandAction(text, place, refuse));
  const listed = new Set(found.flat());
  if (others === undefined) return listed;
  const rest = actionsFor(place).filter((action) => !listed.has(action));
  if (rest.length === 0) throw refuse("NotAction names all there are, which leaves none: leave the statement out");
  return new Set(rest);
}

/** A repository's policy is not asked about what the registry as a whole does. */
function actionsFor({ of, scope: kind }: PolicyPlace): readonly string[] {
  if (of === "registry" && kind === "V1") return [...firstActions];
  return [...ecrActions].filter(([, scope]) => of === "registry" || scope === "repository").map(([action]) => action);
}

function expandAction(text: string, place: PolicyPlace, refuse: Refuse): readonly string[] {
  const said = `the action ${JSON.stringify(text)}`;
  if (text === "*") return actionsFor(place);
  if (!/^ecr:/i.test(text)) throw refuse(`${said} is none of ECR's: write ecr:BatchGetImage, ecr:* and the like`);
  const wildcard = parseWildcard(text);
  const fits = (action: string) => matchesWildcard(wildcard, action, () => undefined, true);
  const matching = actionsFor(place).filter(fits);
  if (matching.length > 0) return matching;
  if ([...ecrActions.keys()].some(fits)) {
    if (place.of === "registry") {
      const all = [...firstActions].join(", ");
      throw refuse(`${said} is none of ${all}, which are all in the scope V1: set REGISTRY_POLICY_SCOPE to V2 first`);
    }
    throw refuse(`${said} is about the registry, not a repository: put it into the registry's policy`);
  }
  throw refuse(`${said} is unknown: see the list of operations of the ECR API`);
}

function readResources(value: Json, place: PolicyPlace, read: ReadText, refuse: Refuse) {
  const { Resource: named, NotResource: others } = value;
  if (named !== undefined && others !== undefined)
    throw refuse("it has both Resource and NotResource: write one of them");
  if (named === undefined && others === undefined) {
    if (place.of === "repository") return { resources: undefined, notResource: false };
    throw refuse(`a registry's policy needs Resource: write arn:aws:ecr:*:${place.account}:repository/*`);
  }
  const element = others === undefined ? "Resource" : "NotResource";
  if (place.of === "repository")
    throw refuse(`a repository's policy is about this repository alone: leave ${element} out`);
  const texts = textsOf(named ?? others, element, refuse);
  // About everything, registry and repositories.
  if (element === "Resource" && texts.includes("*")) return { resources: undefined, notResource: false };
  return {
    resources: texts.map((text) => parseResource(text, element, place, read, refuse)),
    notResource: others !== undefined,
  };
}

function parseResource(
  text: string,
  element: string,
  { account, everyRegion }: PolicyPlace,
  read: ReadText,
  refuse: Refuse,
): Wildcard {
  if (text === "*") return parseWildcard(text);
  const [arn, partition, service, , owner, last] = splitArn(text);
  const cure = "write arn:aws:ecr:<region>:<account>:repository/<name>, with wildcards where you like";
  if (arn !== "arn" || last === undefined || partition === "")
    throw refuse(`${element} has ${JSON.stringify(text)}, which is no ARN: ${cure}`);
  if (service !== "ecr" && service !== "*")
    throw refuse(`${element} has ${text}, which is of another service than ecr: ${cure}`);
  if (last !== "*" && !last.startsWith("repository/") && !/^r[a-z]*[*?]/.test(last)) {
    throw refuse(`${element} has ${text}, which is no repository: ${cure}`);
  }
  if (everyRegion !== true) return read(text, true);
  if (/^[0-9]*$/.test(owner!) && owner !== account) {
    throw refuse(`${element} has ${text}, whose account is not ${account}, which this registry is: write that one`);
  }
  return read(`arn:*:ecr:*:${owner}:${last}`, true);
}

/** Condition keys that a statement looks at, in conditions and by policy variables. */
function keysOf(conditions: IamStatement["conditions"], resources: IamStatement["resources"]): readonly string[] {
  const variables = [
    ...conditions.flatMap(({ values }) => ("absent" in values ? [] : values.flatMap(wildcardsOf))),
    ...(resources ?? []),
  ].flatMap(({ parts }) => parts.flatMap((part) => (typeof part === "object" ? [part.key] : [])));
  return [...variables, ...conditions.map(({ key }) => key)];
}

function isOfRequest(key: string): boolean {
  return findKey(key)?.ofRequest === true;
}

function wildcardsOf(comparison: Exclude<IamStatement["conditions"][number]["values"], { absent: unknown }>[number]) {
  return comparison.by === "text" ? [comparison.wildcard] : comparison.by === "arn" ? comparison.parts : [];
}
