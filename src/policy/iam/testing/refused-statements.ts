/** A policy that is taken; the tests change parts of it. */
export const account = "123456789012";
export const alice = `arn:aws:iam::${account}:user/alice`;
export const statement = { Sid: "Pull", Effect: "Allow", Principal: { AWS: alice }, Action: "ecr:BatchGetImage" };
export const prefix = 'statement 1 (Sid "Pull"): ';

export const document = (changes: object) => ({ Version: "2012-10-17", Statement: [{ ...statement, ...changes }] });
const principal = (value: unknown) => document({ Principal: value });
export const aws = (value: unknown) => principal({ AWS: value });
export const denyOthers = (value: unknown) => document({ Effect: "Deny", Principal: undefined, NotPrincipal: value });
const action = (value: unknown) => document({ Action: value });
export const resource = (value: unknown) => document({ Resource: value });

/** Documents that are refused, each with the beginning of its message. */
export const refusedStatements: readonly (readonly [document: unknown, message: string, of?: "registry"])[] = [
  // The document.
  ["", "the policy is no JSON ("],
  ["{", "the policy is no JSON ("],
  ["{'a': 1}", "the policy is no JSON ("],
  ["null", "the policy is no JSON object"],
  ["[]", "the policy is no JSON object"],
  ['"text"', "the policy is no JSON object"],
  ["17", "the policy is no JSON object"],
  [JSON.stringify(document({ Sid: "x".repeat(10_240) })), "the policy has "],
  [
    '{"Statement":[],"Statement":[]}',
    'the key "Statement" stands twice in one object, which tools read differently: put both into one list',
  ],
  ['{"Statement":[{"Effect":"Deny","Effect":"Allow"}]}', 'the key "Effect" stands twice'],
  [String.raw`{"Statement":[{"Effect":"Deny","\u0045ffect":"Allow"}]}`, 'the key "Effect" stands twice'],
  ['{"Statement":[{"Condition":{"Bool":{"a":1},"Bool":{}}}]}', 'the key "Bool" stands twice'],
  ['{"a":[{"b":","},{"b":1,"c":"\\"","b":2}]}', 'the key "b" stands twice'],
  [`${'{"a":'.repeat(20)}1${"}".repeat(20)}`, "the policy nests more than 16 containers: flatten it"],
  [{}, "the policy has no Statement: add one"],
  [{ Version: "2012-10-17" }, "the policy has no Statement: add one"],
  [{ Statement: [] }, "Statement is an empty list: add one, or delete the policy"],
  [{ ...document({}), Version: "2020-01-01" }, 'the version "2020-01-01" is unknown: write "2012-10-17"'],
  [{ ...document({}), Version: 2012 }, "the version 2012 is unknown"],
  [{ ...document({}), Id: 7 }, "Id is no text"],
  [{ ...document({}), Statements: [] }, 'the policy has "Statements", which is unknown'],
  [{ ...document({}), version: "2012-10-17" }, 'the policy has "version", which is unknown'],
  [{ Statement: "Allow" }, "statement 1: it is no object"],
  [{ Statement: [statement, null] }, "statement 2: it is no object"],
  [{ Statement: [statement, [statement]] }, "statement 2: it is no object"],
  // The elements of a statement.
  [
    { Statement: [statement, { ...statement, Sid: "Two", Effect: "allow" }] },
    'statement 2 (Sid "Two"): Effect is neither "Allow" nor "Deny"',
  ],
  [document({ Effect: undefined }), `${prefix}Effect is neither "Allow" nor "Deny": write one of them`],
  [document({ Effect: ["Allow"] }), `${prefix}Effect is neither`],
  [document({ Sid: 5 }), "statement 1: Sid is no text"],
  [document({ effect: "Deny" }), `${prefix}it has "effect", which is unknown: write Effect`],
  [document({ Actions: "*" }), `${prefix}it has "Actions", which is unknown: leave it out`],
  [document({ Conditions: {} }), `${prefix}it has "Conditions", which is unknown`],
  [document({ Principal: undefined }), `${prefix}it needs either Principal or NotPrincipal`],
  [document({ NotPrincipal: "*" }), `${prefix}it needs either Principal or NotPrincipal`],
  [document({ Action: undefined }), `${prefix}it needs either Action or NotAction: write one of them`],
  [document({ NotAction: "ecr:*" }), `${prefix}it needs either Action or NotAction`],
  // Principals.
  [principal("alice"), `${prefix}Principal is neither "*" nor an object`],
  [principal(alice), `${prefix}Principal is neither "*" nor an object`],
  [principal([alice]), `${prefix}Principal is neither "*" nor an object`],
  [principal(null), `${prefix}Principal is neither "*" nor an object`],
  [principal({}), `${prefix}Principal is empty, which names nobody`],
  [aws([]), `${prefix}Principal is an empty list, which names nothing`],
  [aws(""), `${prefix}Principal has an empty text, which names nothing`],
  [aws([alice, 7]), `${prefix}Principal has 7, which is no text`],
  [aws([alice, null]), `${prefix}Principal has null, which is no text`],
  [aws([[alice]]), `${prefix}Principal has [`],
  [principal({ aws: alice }), `${prefix}Principal has "aws", which is unknown: write "AWS"`],
  [principal({ constructor: alice }), `${prefix}Principal has "constructor", which is unknown`],
  [
    principal({ Service: "lambda.amazonaws.com" }),
    `${prefix}Principal has Service, which cannot be evaluated: no service of AWS asks this registry for images`,
  ],
  [
    principal({ AWS: alice, Service: "codebuild.amazonaws.com" }),
    `${prefix}Principal has Service, which cannot be evaluated`,
  ],
  [principal({ Federated: "accounts.google.com" }), `${prefix}Principal has Federated, which cannot be evaluated`],
  [principal({ CanonicalUser: "79a5" }), `${prefix}Principal has CanonicalUser, which cannot be evaluated`],
  [aws("alice"), `${prefix}the principal "alice" is no ARN: write arn:aws:iam::${account}:user/<name>`],
  [aws("12345"), `${prefix}the principal "12345" is no ARN`],
  [aws("999999999999"), `${prefix}the principal 999999999999 is of another account than this registry's`],
  [
    aws("arn:aws:iam::999999999999:root"),
    `${prefix}the principal arn:aws:iam::999999999999:root is of another account`,
  ],
  [
    aws("arn:aws:iam::999999999999:user/bob"),
    `${prefix}the principal arn:aws:iam::999999999999:user/bob is of another account`,
  ],
  [aws("arn:aws:iam:::user/bob"), `${prefix}the principal arn:aws:iam:::user/bob is of another account`],
  [aws(`arn:aws:iam::${account}:user/*`), `${prefix}the principal arn:aws:iam::${account}:user/* has a wildcard`],
  [aws(`arn:aws:iam::*:root`), `${prefix}the principal arn:aws:iam::*:root has a wildcard`],
  [
    aws(`arn:aws:iam::${account}:user/alic?`),
    `${prefix}the principal arn:aws:iam::${account}:user/alic? has a wildcard`,
  ],
  [aws(`arn:aws:iam::${account}:group/dev`), `${prefix}the principal arn:aws:iam::${account}:group/dev is a group`],
  [
    aws(`arn:aws:iam::${account}:policy/x`),
    `${prefix}the principal arn:aws:iam::${account}:policy/x is neither a user, a role nor root`,
  ],
  [aws(`arn:aws:iam::${account}:user`), `${prefix}the principal arn:aws:iam::${account}:user is neither a user`],
  [
    aws(`arn:aws:iam::${account}:user/`),
    `${prefix}the principal arn:aws:iam::${account}:user/ has no name that a user can have`,
  ],
  [aws(`arn:aws:iam::${account}:user/a b`), `${prefix}the principal arn:aws:iam::${account}:user/a b has no name`],
  [
    aws(`arn:aws:iam::${account}:role/service/ci`),
    `${prefix}the principal arn:aws:iam::${account}:role/service/ci has a path`,
  ],
  [
    aws(`arn:aws:iam::${account}:user/alice\n`),
    `${prefix}the principal "arn:aws:iam::${account}:user/alice\\n" is no ARN`,
  ],
  [
    aws(`arn:aws:sts::${account}:assumed-role/ci/run`),
    `${prefix}the principal arn:aws:sts::${account}:assumed-role/ci/run is a single session`,
  ],
  [
    aws(`arn:aws:sts::${account}:federated-user/bob`),
    `${prefix}the principal arn:aws:sts::${account}:federated-user/bob is a single session`,
  ],
  [aws("arn:aws:s3:::bucket"), `${prefix}the principal "arn:aws:s3:::bucket" is no ARN`],
  [aws("AIDAJQABLZS4A3QDU576Q"), `${prefix}the principal AIDAJQABLZS4A3QDU576Q is the id of one that was deleted`],
  [aws("AROAJQABLZS4A3QDU576Q"), `${prefix}the principal AROAJQABLZS4A3QDU576Q is the id of one that was deleted`],
  [
    document({ Principal: undefined, NotPrincipal: { AWS: [alice, account] } }),
    `${prefix}NotPrincipal with Allow lets in everybody else, those to come included`,
  ],
  [denyOthers("*"), `${prefix}NotPrincipal with everybody denies nobody`],
  [denyOthers({ AWS: account }), `${prefix}NotPrincipal with the account alone spares nobody`],
  [
    denyOthers({ AWS: alice }),
    `${prefix}NotPrincipal without the account denies its users too: add arn:aws:iam::${account}:root to it`,
  ],
  [denyOthers({ Service: "ecs.amazonaws.com" }), `${prefix}Principal has Service, which cannot be evaluated`],
  // Actions.
  [action([]), `${prefix}Action is an empty list, which names nothing`],
  [action(""), `${prefix}Action has an empty text`],
  [action(7), `${prefix}Action has 7, which is no text`],
  [action("s3:GetObject"), `${prefix}the action "s3:GetObject" is none of ECR's`],
  [action("BatchGetImage"), `${prefix}the action "BatchGetImage" is none of ECR's`],
  [action("ecr-public:*"), `${prefix}the action "ecr-public:*" is none of ECR's`],
  [action("e*"), `${prefix}the action "e*" is none of ECR's`],
  [action("ecr:Pull"), `${prefix}the action "ecr:Pull" is unknown`],
  [action("ecr:BatchGetImages"), `${prefix}the action "ecr:BatchGetImages" is unknown`],
  [action(["ecr:*", "ecr:X*"]), `${prefix}the action "ecr:X*" is unknown`],
  [
    action("ecr:GetAuthorizationToken"),
    `${prefix}the action "ecr:GetAuthorizationToken" is about the registry, not a repository`,
  ],
  [action("ecr:*RegistryPolicy"), `${prefix}the action "ecr:*RegistryPolicy" is about the registry`],
  [document({ Action: undefined, NotAction: "*" }), `${prefix}NotAction names all there are, which leaves none`],
  [document({ Action: undefined, NotAction: "ecr:Foo" }), `${prefix}the action "ecr:Foo" is unknown`],
  // Resources.
  [resource([]), `${prefix}Resource is an empty list`, "registry"],
  [resource("team/app"), `${prefix}Resource has "team/app", which is no ARN`, "registry"],
  [resource("arn:aws:ecr:*"), `${prefix}Resource has "arn:aws:ecr:*", which is no ARN`, "registry"],
  [
    resource("arn:aws:s3:::bucket/*"),
    `${prefix}Resource has arn:aws:s3:::bucket/*, which is of another service`,
    "registry",
  ],
  [
    resource(`arn:aws:ecr:us-east-1:${account}:registry/x`),
    `${prefix}Resource has arn:aws:ecr:us-east-1:${account}:registry/x, which is no repository`,
    "registry",
  ],
  [document({ Resource: "*", NotResource: "*" }), `${prefix}it has both Resource and NotResource`, "registry"],
  [document({ Resource: "*" }), `${prefix}a repository's policy is about this repository alone: leave Resource out`],
  [
    document({ NotResource: "*" }),
    `${prefix}a repository's policy is about this repository alone: leave NotResource out`,
  ],
  [document({}), `${prefix}a registry's policy needs Resource`, "registry"],
];
