import type { IamFacts } from "../index.ts";
import { account, alice, robot } from "./facts.ts";

const yes = true;
const no = false;

const user = { anonymous: false, arns: [alice] };
const role = { anonymous: false, arns: [robot] };
// A user that the policy does not know by the name that it has, since that was another's when the policy was set.
const stranger = { anonymous: false, arns: [] };
const anonymous = { anonymous: true, arns: [] };
const root = `arn:aws:iam::${account}:root`;
type Who = IamFacts["principal"];
export const arnOf = (name: string) => `arn:aws:ecr:us-east-1:${account}:repository/${name}`;
/** Whom statements mean. */
export const principalCases: readonly (readonly [
  element: object,
  effect: "Allow" | "Deny",
  who: Who,
  applies: boolean,
])[] = [
  [{ Principal: "*" }, "Allow", user, yes],
  [{ Principal: "*" }, "Allow", role, yes],
  [{ Principal: "*" }, "Allow", stranger, yes],
  [{ Principal: "*" }, "Allow", anonymous, no],
  [{ Principal: "*" }, "Deny", user, yes],
  [{ Principal: "*" }, "Deny", anonymous, yes],
  [{ Principal: { AWS: "*" } }, "Allow", user, yes],
  [{ Principal: { AWS: ["*"] } }, "Allow", anonymous, no],
  [{ Principal: { AWS: ["*"] } }, "Deny", anonymous, yes],
  [{ Principal: { AWS: account } }, "Allow", user, yes],
  [{ Principal: { AWS: account } }, "Allow", stranger, yes],
  [{ Principal: { AWS: account } }, "Allow", anonymous, no],
  [{ Principal: { AWS: account } }, "Deny", anonymous, no],
  [{ Principal: { AWS: root } }, "Allow", user, yes],
  [{ Principal: { AWS: root } }, "Allow", role, yes],
  [{ Principal: { AWS: root } }, "Allow", anonymous, no],
  [{ Principal: { AWS: root } }, "Deny", role, yes],
  [{ Principal: { AWS: alice } }, "Allow", user, yes],
  [{ Principal: { AWS: alice } }, "Allow", role, no],
  [{ Principal: { AWS: alice } }, "Allow", stranger, no],
  [{ Principal: { AWS: alice } }, "Allow", anonymous, no],
  [{ Principal: { AWS: alice } }, "Deny", user, yes],
  [{ Principal: { AWS: alice } }, "Deny", anonymous, no],
  [{ Principal: { AWS: robot } }, "Allow", role, yes],
  [{ Principal: { AWS: robot } }, "Allow", user, no],
  [{ Principal: { AWS: [alice, robot] } }, "Allow", user, yes],
  [{ Principal: { AWS: [alice, robot] } }, "Allow", role, yes],
  [{ Principal: { AWS: [alice, robot] } }, "Allow", stranger, no],
  [{ Principal: { AWS: [robot, account] } }, "Allow", stranger, yes],
  [{ Principal: { AWS: [robot, "*"] } }, "Deny", anonymous, yes],
  [{ NotPrincipal: { AWS: [alice, root] } }, "Deny", user, no],
  [{ NotPrincipal: { AWS: [alice, root] } }, "Deny", role, yes],
  [{ NotPrincipal: { AWS: [alice, account] } }, "Deny", stranger, yes],
  [{ NotPrincipal: { AWS: [alice, root] } }, "Deny", anonymous, yes],
  [{ NotPrincipal: { AWS: [alice, robot, root] } }, "Deny", role, no],
  [{ Principal: { AWS: `arn:aws-cn:iam::${account}:user/alice` } }, "Allow", user, yes],
];

/** Actions that statements are about. */
export const actionCases: readonly (readonly [element: object, action: string, applies: boolean])[] = [
  [{ Action: "ecr:BatchGetImage" }, "ecr:BatchGetImage", yes],
  [{ Action: "ECR:batchgetimage" }, "ecr:BatchGetImage", yes],
  [{ Action: "ecr:BatchGetImage" }, "ecr:PutImage", no],
  [{ Action: "ecr:*" }, "ecr:PutImage", yes],
  [{ Action: "*" }, "ecr:PutImage", yes],
  [{ Action: "ecr:Batch*" }, "ecr:BatchGetImage", yes],
  [{ Action: "ecr:Batch*" }, "ecr:BatchDeleteImage", yes],
  [{ Action: "ecr:Batch*" }, "ecr:PutImage", no],
  [{ Action: "ecr:batch*" }, "ecr:BatchCheckLayerAvailability", yes],
  [{ Action: "ecr:*Image" }, "ecr:PutImage", yes],
  [{ Action: "ecr:*Image" }, "ecr:DescribeImages", no],
  [{ Action: "ecr:*Image*" }, "ecr:DescribeImages", yes],
  [{ Action: "ecr:PutImag?" }, "ecr:PutImage", yes],
  [{ Action: "ecr:PutImag?" }, "ecr:PutImageTagMutability", no],
  [{ Action: "ecr:PutImage*" }, "ecr:PutImageTagMutability", yes],
  [{ Action: "ecr:Get*" }, "ecr:GetDownloadUrlForLayer", yes],
  [{ Action: "ecr:Get*" }, "ecr:BatchGetImage", no],
  [{ Action: ["ecr:PutImage", "ecr:BatchGetImage"] }, "ecr:BatchGetImage", yes],
  [{ Action: ["ecr:PutImage", "ecr:ListImages"] }, "ecr:BatchGetImage", no],
  [{ Action: ["ecr:List*", "ecr:Batch*"] }, "ecr:ListImages", yes],
  [{ NotAction: "ecr:PutImage" }, "ecr:BatchGetImage", yes],
  [{ NotAction: "ecr:PutImage" }, "ecr:PutImage", no],
  [{ NotAction: "ecr:put*" }, "ecr:PutLifecyclePolicy", no],
  [{ NotAction: ["ecr:Put*", "ecr:Get*"] }, "ecr:GetRepositoryPolicy", no],
  [{ NotAction: ["ecr:Put*", "ecr:Get*"] }, "ecr:DeleteRepository", yes],
  [{ Action: "ecr:*Layer*" }, "ecr:UploadLayerPart", yes],
  [{ Action: "ecr:*Layer*" }, "ecr:GetDownloadUrlForLayer", yes],
  [{ Action: "ecr:*layer" }, "ecr:GetDownloadUrlForLayer", yes],
  [{ Action: "ecr:*Policy" }, "ecr:SetRepositoryPolicy", yes],
  [{ Action: "ecr:*Policy" }, "ecr:GetLifecyclePolicyPreview", no],
];

/** Repositories that statements of a registry are about. */
export const resourceCases: readonly (readonly [element: object, name: string, applies: boolean])[] = [
  [{ Resource: "*" }, "team/app", yes],
  [{ Resource: arnOf("team/app") }, "team/app", yes],
  [{ Resource: arnOf("team/app") }, "team/app2", no],
  [{ Resource: arnOf("team/app") }, "other", no],
  [{ Resource: arnOf("*") }, "team/app", yes],
  [{ Resource: arnOf("team/*") }, "team/app", yes],
  [{ Resource: arnOf("team/*") }, "team/a/b/c", yes],
  [{ Resource: arnOf("team/*") }, "team", no],
  [{ Resource: arnOf("team*") }, "teams", yes],
  [{ Resource: arnOf("team/ap?") }, "team/app", yes],
  [{ Resource: arnOf("TEAM/app") }, "team/app", no],
  [{ Resource: arnOf("*/app") }, "a/b/app", yes],
  [{ Resource: [arnOf("x"), arnOf("team/app")] }, "team/app", yes],
  [{ Resource: [arnOf("x"), arnOf("y")] }, "team/app", no],
  [{ Resource: `arn:aws:ecr:*:${account}:repository/team/*` }, "team/app", yes],
  [{ Resource: `arn:aws:ecr:eu-*:${account}:repository/team/*` }, "team/app", no],
  [{ Resource: `arn:aws:ecr:us-*:*:repository/team/*` }, "team/app", yes],
  [{ Resource: `arn:aws:ecr:us-east-1:999999999999:repository/team/app` }, "team/app", no],
  [{ Resource: `arn:*:*:*:*:*` }, "team/app", yes],
  [{ NotResource: arnOf("team/app") }, "team/app", no],
  [{ NotResource: arnOf("team/app") }, "team/other", yes],
  [{ NotResource: [arnOf("team/*"), arnOf("x")] }, "x", no],
  [{ NotResource: [arnOf("team/*"), arnOf("x")] }, "y", yes],
  [{ Resource: arnOf("${aws:username, 'none'}/*") }, "alice/app", yes],
  [{ Resource: arnOf("${aws:username, 'none'}/*") }, "bob/app", no],
];
