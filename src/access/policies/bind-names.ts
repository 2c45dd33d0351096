import { findAccount, findRobotByLogin, findTrustRuleByName } from "../../metadata/index.ts";
import type { Reader } from "../../metadata/index.ts";
import { IamFault } from "../../policy/index.ts";
import type { IamPolicy } from "../../policy/index.ts";

/** Who has the names of a policy now. @throws IamFault for one that nobody has */
export async function bindNames(read: Reader, { arns }: IamPolicy): Promise<ReadonlyMap<string, readonly string[]>> {
  const bound = new Map<string, readonly string[]>();
  for (const arn of arns) {
    const [kind = "", name = ""] = arn.slice(arn.lastIndexOf(":") + 1).split(/\/(.*)/s);
    // A robot's login is its own: whoever else has it is somebody else.
    const robot = await read.first(findRobotByLogin, { login: name });
    const other =
      kind === "user" ? await read.first(findAccount, { name }) : await read.first(findTrustRuleByName, { name });
    const found =
      robot === undefined ? other && `${kind === "user" ? "account" : "rule"}:${other.id}` : `robot:${robot.id}`;
    if (found === undefined) {
      const what = kind === "user" ? "user or robot" : "robot or trust rule";
      throw new IamFault(`the principal ${arn} is not there: name a ${what} that is, or leave it out`);
    }
    bound.set(arn, [found]);
  }
  return bound;
}
