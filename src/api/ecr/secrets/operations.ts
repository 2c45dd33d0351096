import { hash } from "node:crypto";
import { listEcrSettings, pullThroughRules } from "../../../registry/index.ts";
import { arnOf, placeOf } from "../accounts.ts";
import { EcrError } from "../ecr-error.ts";
import { structure, text } from "../model/shape.ts";
import type { SideCall, SideOperation } from "../side-call.ts";

/** Calls of Secrets Manager that clients of ECR make about the secret that a rule of the pull-through cache names. */
export const secretInputs = {
  DescribeSecret: structure({ SecretId: text({ min: 1, max: 2048 }) }, {}),
  GetResourcePolicy: structure({ SecretId: text({ min: 1, max: 2048 }) }, {}),
} as const;

type SecretName = keyof typeof secretInputs;
type SecretInput = NonNullable<(typeof secretInputs)[SecretName]["type"]>;

/** All that are served: none gives or takes a value. */
export const secretOperations: { readonly [K in SecretName]: SideOperation<SecretInput> } = {
  DescribeSecret: {
    writes: false,
    async run(call) {
      const { Name, ARN, rules } = await findSecret(call);
      const named =
        rules.length === 0
          ? "No rule of the pull-through cache names it"
          : `Rules of the pull-through cache name it: ${rules.join(", ")}`;
      return { ARN, Name, Description: `${named}. It has no value here.`, ...always };
    },
  },
  GetResourcePolicy: {
    writes: false,
    async run(call) {
      const { Name, ARN } = await findSecret(call);
      return { ARN, Name };
    },
  },
};

/** Every name is there, and always was. Terraform's provider breaks where a secret has no dates. */
const always = { CreatedDate: 0, LastChangedDate: 0 };

const secretPattern =
  /^(?:arn:aws[a-z-]*:secretsmanager:([a-z0-9-]{1,40}):\d{1,12}:secret:)?(ecr-pullthroughcache\/[a-zA-Z0-9/_+=.@-]{1,480})$/;

/**
 * A secret is a name that Amazon takes for a rule, and the rules that give it. Nothing is kept of it, so that every such name is
 * there: a rule can only be made by the ARN that this call answers.
 * @throws EcrError ResourceNotFoundException, and as `listEcrSettings` does
 */
async function findSecret(call: SideCall<SecretInput>) {
  const { registry, caller, account, region, input } = call;
  const rows = await listEcrSettings(registry, caller, placeOf(call), pullThroughRules);
  const [, of = region, given] = secretPattern.exec(input.SecretId) ?? [];
  if (given === undefined || of !== region) {
    throw new EcrError("ResourceNotFoundException", "Secrets Manager can't find the specified secret.");
  }
  const Name = nameOf(call, given);
  const rules = rows.flatMap(({ name, value }) => {
    const { credentialArn = "" } = JSON.parse(value) as { readonly credentialArn?: string };
    const [, , named = ""] = secretPattern.exec(credentialArn) ?? [];
    return nameOf(call, named) === Name ? [name.slice(pullThroughRules.length)] : [];
  });
  return { Name, ARN: arnOf("secretsmanager", region, account, `secret:${Name}-${ending(call, Name)}`), rules };
}

/** Without what an ARN has behind the name. */
function nameOf(call: SideCall, given: string): string {
  const name = given.slice(0, -7);
  return given === `${name}-${ending(call, name)}` ? name : given;
}

/** Six characters, the same each time. */
function ending({ account, region }: SideCall, name: string): string {
  return hash("sha256", `${account.id} ${region} ${name}`).slice(0, 6);
}
