import { isInBlock } from "./addresses.ts";
import type { Comparison, Condition, IamPolicy, IamStatement, Order } from "./form.ts";
import type { StatementName } from "./iam-fault.ts";
import { splitArn } from "./operators.ts";
import { matchesWildcard } from "./wildcard.ts";
import type { VariableLookup } from "./wildcard.ts";

/** Who asks for what. */
export interface IamFacts {
  /** Full name of an action of ECR: `ecr:BatchGetImage`. */
  readonly action: string;
  /**
   * ARN of the repository: `arn:aws:ecr:us-east-1:000000000000:repository/team/app`; `*` for what is about the registry.
   * Undefined where it is asked of some repository or other: then statements that look at it are as where there is no request.
   */
  readonly resource: string | undefined;
  readonly principal: {
    /** Whoever has shown nothing is of no account: an Allow never means them, a Deny of everybody does. */
    readonly anonymous: boolean;
    /** ARNs of users and roles, as policies name them, that mean the caller. */
    readonly arns: readonly string[];
  };
  /**
   * Whether there is a request. Without one, where it is asked what somebody may do, statements that look at more than the
   * caller allow nothing and deny always; with `most`, where it is asked what somebody might do at some time, they allow always
   * and deny nothing.
   */
  readonly request: boolean | "most";
  /** Values of condition keys by their names in lower case; a key that is not there has none. */
  readonly keys: ReadonlyMap<string, readonly string[]>;
}

/** What a policy says. */
export interface IamVerdict {
  /** `neither`: no statement is about this, so that others decide. */
  readonly effect: "allow" | "deny" | "neither";
  /** The first statement that decides; undefined for `neither`. */
  readonly statement: StatementName | undefined;
}

/** What the policy says to this. A Deny wins over every Allow; the order of statements decides nothing but which one is named. */
export function evaluateIamPolicy({ statements }: IamPolicy, facts: IamFacts): IamVerdict {
  const applying = statements.filter((statement) => applies(statement, facts));
  const deny = applying.find(({ effect }) => effect === "Deny");
  const deciding = deny ?? applying[0];
  if (deciding === undefined) return { effect: "neither", statement: undefined };
  return { effect: deny === undefined ? "allow" : "deny", statement: deciding.name };
}

function applies(statement: IamStatement, facts: IamFacts): boolean {
  if (!statement.actions.has(facts.action) || !isMeant(statement, facts)) return false;
  const isKnown = statement.resources === undefined || facts.resource !== undefined;
  if (isKnown && (!statement.ofRequest || facts.request === true)) return isMetAll(statement, facts);
  return statement.effect === (facts.request === "most" ? "Allow" : "Deny");
}

function isMetAll(statement: IamStatement, facts: IamFacts): boolean {
  const lookup: VariableLookup = (key) => facts.keys.get(key)?.[0];
  return (
    isAbout(statement, facts, lookup) &&
    statement.conditions.every((condition) => isMet(condition, facts.keys.get(condition.key), lookup))
  );
}

function isMeant({ effect, principals, notPrincipal }: IamStatement, { principal }: IamFacts): boolean {
  const named = principals.arns.some((arn) => principal.arns.includes(arn));
  // Of those that are spared each one is named: the account, which must be listed too, spares nobody by itself.
  if (notPrincipal) return !named;
  if (principal.anonymous) return principals.everybody && effect === "Deny";
  return principals.everybody || principals.account || named;
}

function isAbout({ resources, notResource }: IamStatement, { resource }: IamFacts, lookup: VariableLookup): boolean {
  if (resources === undefined || resource === undefined) return true;
  return resources.some((one) => matchesWildcard(one, resource, lookup)) !== notResource;
}

function isMet(condition: Condition, found: readonly string[] | undefined, lookup: VariableLookup): boolean {
  const { quantifier, ifExists, negated, values } = condition;
  const present = found !== undefined && found.length > 0;
  if ("absent" in values) return values.absent.some((absent) => absent !== present);
  if (!present) return ifExists || (quantifier === undefined ? negated : quantifier === "all");
  const holds = (value: string) => values.some((wanted) => matches(wanted, value, condition.kind, lookup)) !== negated;
  return quantifier === "any" ? found.some(holds) : found.every(holds);
}

function matches(wanted: Comparison, value: string, kind: Condition["kind"], lookup: VariableLookup): boolean {
  switch (wanted.by) {
    case "text":
      return matchesWildcard(wanted.wildcard, value, lookup, wanted.fold);
    case "arn": {
      const parts = splitArn(value);
      return parts.length === 6 && wanted.parts.every((part, place) => matchesWildcard(part, parts[place]!, lookup));
    }
    case "address":
      return isInBlock(wanted.block, value);
    case "boolean":
      return value === String(wanted.value);
    case "order":
      return isOrdered(wanted.order, kind === "date" ? Date.parse(value) : Number(value) * 1_000, wanted.value);
  }
}

function isOrdered(order: Order, value: number, wanted: number): boolean {
  if (order === "=") return value === wanted;
  if (order === "<") return value < wanted;
  if (order === "<=") return value <= wanted;
  return order === ">" ? value > wanted : value >= wanted;
}
