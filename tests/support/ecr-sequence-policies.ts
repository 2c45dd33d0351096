/** Of all that the sequence of calls makes. */
export const account = "123456789012";

const rule = (priority: number, selection: object) => {
  return { rulePriority: priority, selection, action: { type: "expire" } };
};
const count = { countType: "imageCountMoreThan", countNumber: 3 };
const age = { countType: "sinceImagePushed", countUnit: "days", countNumber: 14 };
export const policies: readonly object[] = [
  { rules: [rule(1, { tagStatus: "untagged", ...age })] },
  { rules: [rule(1, { tagStatus: "tagged", tagPrefixList: ["v"], ...count }), rule(2, { tagStatus: "any", ...age })] },
  { rules: [rule(1, { tagStatus: "tagged", tagPatternList: ["release-*"], ...count })] },
];
export const wrongPolicies: readonly unknown[] = [
  "not JSON at all, but long enough to be looked at by the registry, which wants a hundred characters or more of it",
  [1, 2, 3, "a list is no policy, however long it is: this one has more than the hundred characters that are needed"],
  { nothing: "a document without rules, of more than the hundred characters that the model of the service asks for" },
  { rules: [{ rulePriority: 1, selection: { tagStatus: "untagged", ...age }, action: { type: "delete" } }] },
  {
    rules: [
      {
        rulePriority: 1,
        selection: { tagStatus: "untagged", countType: "sinceImagePushed" },
        action: { type: "expire" },
      },
    ],
  },
  { rules: [{ ...rule(1, { tagStatus: "untagged", ...age }), more: "a member that is not in the grammar" }] },
  { rules: [rule(1, { tagStatus: "untagged", ...age, countNumber: 0 })] },
  { rules: [rule(1, { tagStatus: "tagged", ...count }), rule(2, { tagStatus: "untagged", ...age })] },
  { rules: [rule(1, { tagStatus: "any", ...age }), rule(2, { tagStatus: "untagged", ...age })] },
  { rules: [rule(1, { tagStatus: "untagged", ...age }), rule(1, { tagStatus: "any", ...age })] },
];

const pulls = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];
const allow = { Sid: "Pull", Effect: "Allow", Principal: "*", Action: pulls };
const policyOf = (...statements: readonly object[]) => ({ Version: "2012-10-17", Statement: statements });
export const repositoryPolicies: readonly object[] = [
  policyOf(allow),
  { ...policyOf({ ...allow, Sid: "Old", Action: "ecr:*" }), Version: "2008-10-17" },
  policyOf({ ...allow, Principal: { AWS: `arn:aws:iam::${account}:root` } }),
  policyOf(allow, { ...allow, Sid: "Here", Condition: { IpAddress: { "aws:SourceIp": "127.0.0.0/8" } } }),
];
export const wrongRepositoryPolicies: readonly unknown[] = [
  "no policy",
  [1, 2],
  { Version: "2012-10-17" },
  policyOf({ ...allow, Effect: "Perhaps" }),
  policyOf({ Effect: "Allow", Principal: "*" }),
  { ...policyOf(allow), Version: "2020-01-01" },
  policyOf({ ...allow, Principal: { AWS: `arn:aws:iam::${account}:user/nobody` } }),
  policyOf({ ...allow, Action: "s3:GetObject" }),
  policyOf({ ...allow, Condition: { StringEquals: { "aws:PrincipalOrgID": "o-1" } } }),
];
