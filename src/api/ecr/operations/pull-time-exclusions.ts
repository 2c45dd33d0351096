import { changePullExclusions, listPullExclusions } from "../../../registry/index.ts";
import { placeOf } from "../accounts.ts";
import type { EcrCall } from "../call.ts";
import { EcrError } from "../ecr-error.ts";
import { invalidParameter } from "../errors.ts";
import { makePageToken, pageSize, readPageToken } from "../page-token.ts";
import { secondsOf } from "../show-repository.ts";

/** Principals that an account excludes at most. */
const exclusionLimit = 1_000;
/** Entries of a page at most, whatever the client says. */
const pageLimit = 100;

/**
 * Has the pulls of a user or role move no times. It need not be there yet.
 * @throws EcrError ExclusionAlreadyExistsException, LimitExceededException, InvalidParameterException for another account's
 */
export async function registerPullTimeUpdateExclusion(
  call: EcrCall<"RegisterPullTimeUpdateExclusion">,
): Promise<object> {
  const { registry, caller, account, input, now } = call;
  const arn = input.principalArn;
  if (arn.split(":")[4] !== account.id) {
    throw invalidParameter(
      "principalArn",
      `must be of the account ${account.id}: whoever asks this registry is a user or role of it`,
    );
  }
  await changePullExclusions(
    registry,
    caller,
    placeOf(call),
    (before) => {
      if (before.some((one) => one.arn === arn)) {
        const message = `The pull time update exclusion for the principal '${arn}' already exists in the registry with id '${account.id}'`;
        throw new EcrError("ExclusionAlreadyExistsException", message);
      }
      if (before.length >= exclusionLimit) {
        const message = `A registry has at most ${exclusionLimit} pull time update exclusions: deregister one that is not needed any more`;
        throw new EcrError("LimitExceededException", message);
      }
      return [...before, { arn, createdAt: now }];
    },
    { excluded: arn },
  );
  return { principalArn: arn, createdAt: secondsOf(now) };
}

/** Has them count again, from now on. @throws EcrError ExclusionNotFoundException */
export async function deregisterPullTimeUpdateExclusion(
  call: EcrCall<"DeregisterPullTimeUpdateExclusion">,
): Promise<object> {
  const { registry, caller, account, input } = call;
  const arn = input.principalArn;
  await changePullExclusions(
    registry,
    caller,
    placeOf(call),
    (before) => {
      const after = before.filter((one) => one.arn !== arn);
      if (after.length < before.length) return after;
      const message = `The pull time update exclusion for the principal '${arn}' does not exist in the registry with id '${account.id}'`;
      throw new EcrError("ExclusionNotFoundException", message);
    },
    { counted: arn },
  );
  return { principalArn: arn };
}

/** ARNs in byte order. */
export async function listPullTimeUpdateExclusions(call: EcrCall<"ListPullTimeUpdateExclusions">): Promise<object> {
  const { registry, caller } = call;
  const after = readPageToken(call) ?? "";
  const limit = Math.min(pageSize(call), pageLimit);
  const all = (await listPullExclusions(registry, caller, placeOf(call))).map(({ arn }) => arn);
  const rest = all.filter((arn) => arn > after);
  const page = rest.slice(0, limit);
  return {
    pullTimeUpdateExclusions: page,
    nextToken: rest.length > limit ? makePageToken(call, page.at(-1)!) : undefined,
  };
}
