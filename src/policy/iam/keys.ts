/** How values of a condition key are compared. */
export type KeyKind = "text" | "arn" | "address" | "boolean" | "date" | "moment";

/** A condition key whose value is known when a policy is evaluated. */
export interface KnownKey {
  readonly kind: KeyKind;
  /** Requests without it: those of robots have no user name. */
  readonly mayBeAbsent?: true;
  /** It differs from one request of a caller to the next. */
  readonly ofRequest?: true;
}

/** By name in lower case: IAM compares names of keys without regard to case. `moment` is a number of seconds since 1970. */
const known: ReadonlyMap<string, KnownKey> = new Map<string, KnownKey>([
  ["aws:principalarn", { kind: "arn", mayBeAbsent: true }],
  ["aws:principalaccount", { kind: "text", mayBeAbsent: true }],
  ["aws:principaltype", { kind: "text" }],
  ["aws:principalisawsservice", { kind: "boolean" }],
  ["aws:username", { kind: "text", mayBeAbsent: true }],
  ["aws:userid", { kind: "text", mayBeAbsent: true }],
  ["aws:sourceip", { kind: "address", ofRequest: true }],
  ["aws:securetransport", { kind: "boolean", ofRequest: true }],
  ["aws:currenttime", { kind: "date", ofRequest: true }],
  ["aws:epochtime", { kind: "moment", ofRequest: true }],
]);

const noTags = "users and robots carry no tags here: name them in Principal, or compare aws:PrincipalArn";
const noService = "no other service calls this registry in somebody's name: leave the statement out";
const noNetwork = "this registry knows addresses only: use aws:SourceIp";
const noOrganization =
  "accounts belong to no organization here: name the account in Principal, or compare aws:PrincipalAccount";
const noRepositoryTags =
  "tags of repositories say nothing about access here: name the repository in Resource, or give it a policy of its own";
const noRequestTags = "tags that a request brings say nothing about access here: name the action alone";

/** Keys of IAM that cannot be known here, or not yet, by name in lower case or the part of it before a slash; each with what to do. */
const unknowable: ReadonlyMap<string, string> = new Map([
  ["aws:principalorgid", noOrganization],
  ["aws:principalorgpaths", noOrganization],
  ["aws:resourceorgid", noOrganization],
  ["aws:sourceorgid", noOrganization],
  ["aws:principaltag", noTags],
  ["aws:sourcearn", noService],
  ["aws:sourceaccount", noService],
  ["aws:calledvia", noService],
  ["aws:viaawsservice", noService],
  ["aws:principalservicename", noService],
  ["aws:sourcevpc", noNetwork],
  ["aws:sourcevpce", noNetwork],
  ["aws:vpcsourceip", noNetwork],
  ["aws:multifactorauthpresent", "who logs in by what is a matter of the provider of single sign-on: ask for it there"],
  ["aws:multifactorauthage", "who logs in by what is a matter of the provider of single sign-on: ask for it there"],
  ["aws:useragent", "clients write there what they like: compare aws:PrincipalArn or aws:SourceIp"],
  ["aws:referer", "clients write there what they like: compare aws:PrincipalArn or aws:SourceIp"],
  ["aws:requestedregion", "one registry answers for every region: leave it out"],
  ["aws:requesttag", noRequestTags],
  ["aws:resourcetag", noRepositoryTags],
  ["ecr:resourcetag", noRepositoryTags],
  ["aws:tagkeys", noRequestTags],
]);

/** What is known of a key; undefined where its value cannot be. */
export function findKey(name: string): KnownKey | undefined {
  return known.get(name.toLowerCase());
}

/** Why a key cannot be used, and what to do instead. */
export function explainUnknown(name: string): string {
  const key = name.toLowerCase();
  const reason = unknowable.get(key) ?? unknowable.get(key.split("/")[0]!);
  const cure = `use one of ${[...known.keys()].join(", ")}`;
  return reason ?? `no request has such a key: ${cure}`;
}
