import { assumeRole, assumeRoleByToken, describeAwsIdentity, findRole, makeOwnSession } from "../../access/index.ts";
import type { Access, AwsPlace, Caller, MadeSession, WantedSession } from "../../access/index.ts";
import { getText, readDuration } from "./parameters.ts";
import type { Parameters, TextRule } from "./parameters.ts";
import { StsError } from "./sts-error.ts";
import type { Elements } from "./xml.ts";

/** A call of the service. */
export interface StsCall {
  readonly access: Access;
  /** Whoever signed it; nobody where a call is not signed. */
  readonly caller: Caller;
  readonly place: AwsPlace;
  readonly parameters: Parameters;
}

interface Operation {
  /** Shows something else than a signature. */
  readonly unsigned?: true;
  /** Elements of its result. @throws StsError, RegistryError */
  readonly run: (call: StsCall) => Promise<Elements>;
}

const roleArn: TextRule = { least: 20, most: 2048, pattern: /^[\x21-\x7e]+$/ };
const sessionName: TextRule = { least: 2, most: 64, pattern: /^[\w+=,.@-]*$/ };
const identityToken: TextRule = { least: 4, most: 20_000, pattern: /^[\x21-\x7e]+$/ };

/** By `Action`. */
export const stsOperations: Readonly<Record<string, Operation>> = {
  GetCallerIdentity: {
    run({ caller, place }) {
      const { arn, userId } = describeAwsIdentity(caller.principal, place);
      return Promise.resolve({ UserId: userId, Account: place.account, Arn: arn });
    },
  },
  GetSessionToken: {
    async run(call) {
      refuseUnevaluated(call.parameters, ["SerialNumber", "TokenCode"], "there are no devices for codes here");
      const made = await makeOwnSession(
        call.access,
        call.caller,
        readDuration(call.parameters, { most: 129_600, standard: 43_200 }),
      );
      return { Credentials: credentialsOf(made) };
    },
  },
  AssumeRole: {
    async run(call) {
      refuseUnevaluated(call.parameters, ["SerialNumber", "TokenCode"], "there are no devices for codes here");
      const made = await assumeRole(call.access, call.caller, wantedOf(call, { most: 43_200, standard: 3_600 }));
      return { AssumedRoleUser: userOf(call, made), Credentials: credentialsOf(made), PackedPolicySize: "0" };
    },
  },
  AssumeRoleWithWebIdentity: {
    unsigned: true,
    async run(call) {
      const { access, caller, parameters } = call;
      const token = getText(parameters, "WebIdentityToken", identityToken);
      // It outlives the token that it is made with; so it is short.
      const made = await assumeRoleByToken(access, caller, token, wantedOf(call, { most: 3_600, standard: 3_600 }));
      const { principal } = made;
      return {
        SubjectFromWebIdentityToken: principal.name.slice(principal.name.indexOf("/") + 1),
        AssumedRoleUser: userOf(call, made),
        Credentials: credentialsOf(made),
        PackedPolicySize: "0",
      };
    },
  },
};

function wantedOf(
  { parameters, place }: StsCall,
  life: { readonly most: number; readonly standard: number },
): WantedSession {
  const arn = getText(parameters, "RoleArn", roleArn);
  const name = getText(parameters, "RoleSessionName", sessionName);
  const narrowing = [...parameters.keys()].filter((one) => /^(?:Policy$|PolicyArns\.)/.test(one));
  refuseUnevaluated(parameters, narrowing, "a session has all rights of its role: narrow the robot or the trust rule");
  const role = findRole(arn, place.account);
  if (role === undefined) {
    throw new StsError(
      403,
      "AccessDenied",
      `there is no role ${arn}: write arn:aws:iam::${place.account}:role/<robot or trust rule>`,
    );
  }
  return { role, name, age: readDuration(parameters, life) };
}

/** What would make a session safer is not left out in silence. */
function refuseUnevaluated(parameters: Parameters, names: readonly string[], why: string): void {
  const given = names.find((name) => parameters.has(name));
  if (given !== undefined) throw new StsError(400, "ValidationError", `${given} is not taken: ${why}`);
}

function userOf({ place }: StsCall, { principal }: MadeSession): Elements {
  const { arn, userId } = describeAwsIdentity(principal, place);
  return { AssumedRoleId: userId, Arn: arn };
}

function credentialsOf({ key, expiresAt }: MadeSession): Elements {
  return {
    AccessKeyId: key.id,
    SecretAccessKey: key.secret,
    SessionToken: key.token,
    Expiration: new Date(expiresAt).toISOString().replace(/\.\d{3}/, ""),
  };
}
