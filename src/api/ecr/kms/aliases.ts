import { changeEcrSetting, deleteEcrSetting, findEcrSetting, listEcrSettings } from "../../../registry/index.ts";
import { arnOf, placeOf } from "../accounts.ts";
import { EcrError } from "../ecr-error.ts";
import { secondsOf } from "../show-repository.ts";
import type { SideCall, SideOperation } from "../side-call.ts";
import type { KmsInput } from "./inputs.ts";
import { getKey } from "./keys.ts";

/** Another name of a key, as it is kept. Times are milliseconds since 1970. */
interface KeptAlias {
  /** With `alias/` before it. */
  readonly name: string;
  /** Id of the key. */
  readonly key: string;
  readonly createdAt: number;
  readonly changedAt: number;
}

type Named = { readonly AliasName: string };
type AliasCalls = "CreateAlias" | "DeleteAlias" | "ListAliases" | "UpdateAlias";

/** Aliases of an account and region at most. */
const aliasLimit = 1000;
/** Of a page where nobody says. */
const standardPage = 50;

/** Calls about aliases. */
export const aliasOperations: { readonly [K in AliasCalls]: SideOperation<KmsInput<K>> } = {
  CreateAlias: {
    writes: true,
    async run(call) {
      const name = checkName(call);
      const alias = { name, key: await getTarget(call), createdAt: call.now, changedAt: call.now };
      if ((await listAliases(call)).length >= aliasLimit) {
        throw new EcrError("LimitExceededException", `there are at most ${aliasLimit} aliases`);
      }
      await changeEcrSetting(call.registry, call.caller, placeOf(call), settingOf(call, name), (before) => {
        if (before === undefined) return JSON.stringify(alias);
        throw new EcrError("AlreadyExistsException", `An alias with the name ${aliasArn(call, name)} already exists`);
      });
      return {};
    },
  },
  DeleteAlias: {
    writes: true,
    async run(call) {
      const name = checkName(call);
      const gone = await deleteEcrSetting(call.registry, call.caller, placeOf(call), settingOf(call, name));
      if (gone === undefined) throw unknownAlias(call, name);
      return {};
    },
  },
  ListAliases: {
    writes: false,
    async run(call) {
      const { KeyId, Limit = standardPage, Marker = "" } = call.input;
      const key = KeyId === undefined ? undefined : (await getKey({ ...call, input: { KeyId } })).id;
      const rest = (await listAliases(call)).filter((one) => {
        return one.name > Marker && (key === undefined || one.key === key);
      });
      const page = rest.slice(0, Limit);
      const more = rest.length > page.length;
      return {
        Aliases: page.map((alias) => show(call, alias)),
        NextMarker: more ? page.at(-1)?.name : undefined,
        Truncated: more,
      };
    },
  },
  UpdateAlias: {
    writes: true,
    async run(call) {
      const name = checkName(call);
      const key = await getTarget(call);
      await changeEcrSetting(call.registry, call.caller, placeOf(call), settingOf(call, name), (before) => {
        if (before === undefined) throw unknownAlias(call, name);
        return JSON.stringify({ ...(JSON.parse(before) as KeptAlias), key, changedAt: call.now });
      });
      return {};
    },
  },
};

/** The call with the key's own id, where it names an alias of it. @throws EcrError NotFoundException, and as `findEcrSetting` does */
export async function namedByAlias(call: SideCall<KmsInput<"DescribeKey">>): Promise<typeof call> {
  const [, region = call.region, name] = aliasPattern.exec(call.input.KeyId) ?? [];
  if (name === undefined) return call;
  const known = region === call.region && name.length <= 256;
  const text = known
    ? await findEcrSetting(call.registry, call.caller, placeOf(call), settingOf(call, name))
    : undefined;
  if (text === undefined) throw unknownAlias(call, name);
  return { ...call, input: { KeyId: (JSON.parse(text) as KeptAlias).key } };
}

const aliasPattern = /^(?:arn:aws[a-z-]*:kms:([a-z0-9-]{1,40}):\d{1,12}:)?(alias\/[a-zA-Z0-9:/_-]+)$/;

/** Aliases are of a region. */
function settingOf({ region }: SideCall, name: string): `${string}/${string}` {
  return `kms-alias/${region}/${name.slice("alias/".length)}`;
}

async function listAliases(call: SideCall): Promise<KeptAlias[]> {
  const { registry, caller, region } = call;
  const rows = await listEcrSettings(registry, caller, placeOf(call), `kms-alias/${region}/`);
  return rows.map(({ value }) => JSON.parse(value) as KeptAlias);
}

/** @throws EcrError ValidationException, NotAuthorizedException for names of Amazon's own */
function checkName({ input: { AliasName: name } }: SideCall<Named>): string {
  if (name.startsWith("alias/aws/")) {
    throw new EcrError("NotAuthorizedException", "Aliases that begin with alias/aws/ are Amazon's own: choose another");
  }
  if (name.startsWith("alias/") && name.length > "alias/".length) return name;
  throw new EcrError("ValidationException", 'Alias must start with the prefix "alias/", and a name behind it');
}

/** Id of the key that is named; it must not be about to be deleted. */
async function getTarget(call: SideCall<{ readonly TargetKeyId: string }>): Promise<string> {
  const key = await getKey({ ...call, input: { KeyId: call.input.TargetKeyId } });
  if (key.deletedAt === null) return key.id;
  throw new EcrError(
    "KMSInvalidStateException",
    `${arnOf("kms", call.region, call.account, `key/${key.id}`)} is pending deletion.`,
  );
}

function show(call: SideCall, { name, key, createdAt, changedAt }: KeptAlias): object {
  return {
    AliasName: name,
    AliasArn: aliasArn(call, name),
    TargetKeyId: key,
    CreationDate: secondsOf(createdAt),
    LastUpdatedDate: secondsOf(changedAt),
  };
}

function aliasArn({ region, account }: SideCall, name: string): string {
  return arnOf("kms", region, account, name);
}

function unknownAlias(call: SideCall, name: string): EcrError {
  return new EcrError("NotFoundException", `Alias ${aliasArn(call, name.slice(0, 300))} is not found.`);
}
