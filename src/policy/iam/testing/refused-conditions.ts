import { account, alice, document, prefix, resource } from "./refused-statements.ts";

const when = (operator: string, key: string, value: unknown) =>
  document({ Condition: { [operator]: { [key]: value } } });
const noCondition = (operator: string, key: string) => `${prefix}the condition ${operator} on ${key}`;

/** Conditions that are refused, each with the beginning of its message. */
export const refusedConditions: readonly (readonly [document: unknown, message: string, of?: "registry"])[] = [
  [document({ Condition: "x" }), `${prefix}Condition is no object`],
  [document({ Condition: [] }), `${prefix}Condition is no object`],
  [document({ Condition: { StringEquals: {} } }), `${prefix}the condition StringEquals names no key`],
  [document({ Condition: { StringEquals: "alice" } }), `${prefix}the condition StringEquals names no key`],
  [
    document({ Condition: { StringEquals: { "aws:username": "a", "AWS:UserName": "b" } } }),
    `${prefix}the condition StringEquals names AWS:UserName twice`,
  ],
  [
    when("StringEqual", "aws:username", "a"),
    `${prefix}the condition operator "StringEqual" cannot be evaluated: write one of StringEquals,`,
  ],
  [
    when("stringequals", "aws:username", "a"),
    `${prefix}the condition operator "stringequals" cannot be evaluated: write StringEquals`,
  ],
  [when("StringMatches", "aws:username", "a"), `${prefix}the condition operator "StringMatches" cannot be evaluated`],
  [when("BinaryEquals", "aws:username", "YQ=="), `${prefix}the condition operator "BinaryEquals" cannot be evaluated`],
  [
    when("ForSomeValues:StringEquals", "aws:username", "a"),
    `${prefix}the condition operator "ForSomeValues:StringEquals" cannot be evaluated`,
  ],
  [when("constructor", "aws:username", "a"), `${prefix}the condition operator "constructor" cannot be evaluated`],
  [
    when("NullIfExists", "aws:username", "true"),
    `${noCondition("NullIfExists", "aws:username")} cannot be evaluated: Null asks whether`,
  ],
  [
    when("ForAllValues:Null", "aws:username", "true"),
    `${noCondition("ForAllValues:Null", "aws:username")} cannot be evaluated: Null asks whether`,
  ],
  [
    when("Null", "aws:username", "perhaps"),
    `${noCondition("Null", "aws:username")}: "perhaps" is neither true nor false`,
  ],
  [
    when("StringEquals", "aws:username", []),
    `${noCondition("StringEquals", "aws:username")} compares with an empty list`,
  ],
  [when("StringEquals", "aws:username", null), `${noCondition("StringEquals", "aws:username")} compares with null`],
  [
    when("StringEquals", "aws:username", { a: 1 }),
    `${noCondition("StringEquals", "aws:username")} compares with {"a":1}`,
  ],
  [
    when("StringEquals", "aws:PrincipalOrgID", "o-1"),
    `${noCondition("StringEquals", "aws:PrincipalOrgID")} cannot be evaluated: accounts belong to no organization here`,
  ],
  [
    when("ForAnyValue:StringLike", "aws:PrincipalOrgPaths", "o-1/*"),
    `${noCondition("ForAnyValue:StringLike", "aws:PrincipalOrgPaths")} cannot be evaluated`,
  ],
  [
    when("StringEquals", "aws:PrincipalTag/team", "a"),
    `${noCondition("StringEquals", "aws:PrincipalTag/team")} cannot be evaluated: users and robots carry no tags here`,
  ],
  [
    when("StringEquals", "aws:SourceAccount", account),
    `${noCondition("StringEquals", "aws:SourceAccount")} cannot be evaluated: no other service`,
  ],
  [
    when("ArnLike", "aws:SourceArn", "arn:aws:lambda:*:*:*:*"),
    `${noCondition("ArnLike", "aws:SourceArn")} cannot be evaluated: no other service`,
  ],
  [
    when("StringEquals", "aws:SourceVpc", "vpc-1"),
    `${noCondition("StringEquals", "aws:SourceVpc")} cannot be evaluated: this registry knows addresses only`,
  ],
  [
    when("Bool", "aws:MultiFactorAuthPresent", "true"),
    `${noCondition("Bool", "aws:MultiFactorAuthPresent")} cannot be evaluated: who logs in by what`,
  ],
  [
    when("StringLike", "aws:UserAgent", "docker*"),
    `${noCondition("StringLike", "aws:UserAgent")} cannot be evaluated: clients write there what they like`,
  ],
  [
    when("StringEquals", "ecr:ResourceTag/team", "a"),
    `${noCondition("StringEquals", "ecr:ResourceTag/team")} cannot be evaluated: tags of repositories say nothing`,
  ],
  [
    when("StringEquals", "aws:RequestTag/team", "a"),
    `${noCondition("StringEquals", "aws:RequestTag/team")} cannot be evaluated: tags that a request brings`,
  ],
  [
    when("StringEquals", "aws:Nonsense", "a"),
    `${noCondition("StringEquals", "aws:Nonsense")} cannot be evaluated: no request has such a key: use one of aws:principalarn,`,
  ],
  [
    when("StringEquals", "username", "a"),
    `${noCondition("StringEquals", "username")} cannot be evaluated: no request has such a key`,
  ],
  [
    when("StringEquals", "aws:SourceIp", "10.0.0.1"),
    `${noCondition("StringEquals", "aws:SourceIp")} compares what is no such value: use one of IpAddress, NotIpAddress`,
  ],
  [
    when("IpAddress", "aws:username", "10.0.0.1"),
    `${noCondition("IpAddress", "aws:username")} compares what is no such value: use one of StringEquals`,
  ],
  [when("Bool", "aws:username", "true"), `${noCondition("Bool", "aws:username")} compares what is no such value`],
  [
    when("NumericEquals", "aws:username", "1"),
    `${noCondition("NumericEquals", "aws:username")} compares what is no such value`,
  ],
  [when("ArnLike", "aws:username", alice), `${noCondition("ArnLike", "aws:username")} compares what is no such value`],
  [
    when("StringEquals", "aws:CurrentTime", "2026-01-01"),
    `${noCondition("StringEquals", "aws:CurrentTime")} compares what is no such value: use one of DateEquals`,
  ],
  [
    when("NumericLessThan", "aws:CurrentTime", "1"),
    `${noCondition("NumericLessThan", "aws:CurrentTime")} compares what is no such value`,
  ],
  [
    when("Bool", "aws:SecureTransport", "yes"),
    `${noCondition("Bool", "aws:SecureTransport")}: "yes" is neither true nor false`,
  ],
  [
    when("Bool", "aws:SecureTransport", 1),
    `${noCondition("Bool", "aws:SecureTransport")}: "1" is neither true nor false`,
  ],
  [
    when("IpAddress", "aws:SourceIp", "10.0.0.0/33"),
    `${noCondition("IpAddress", "aws:SourceIp")}: "10.0.0.0/33" is no block of addresses`,
  ],
  [
    when("IpAddress", "aws:SourceIp", "10.0.0.1/8"),
    `${noCondition("IpAddress", "aws:SourceIp")}: "10.0.0.1/8" is no block of addresses`,
  ],
  [when("IpAddress", "aws:SourceIp", "10.0.0"), `${noCondition("IpAddress", "aws:SourceIp")}: "10.0.0" is no block`],
  [
    when("IpAddress", "aws:SourceIp", "010.0.0.0/8"),
    `${noCondition("IpAddress", "aws:SourceIp")}: "010.0.0.0/8" is no block`,
  ],
  [
    when("IpAddress", "aws:SourceIp", "10.0.0.*"),
    `${noCondition("IpAddress", "aws:SourceIp")}: "10.0.0.*" is no block`,
  ],
  [
    when("IpAddress", "aws:SourceIp", "2001:db8::/129"),
    `${noCondition("IpAddress", "aws:SourceIp")}: "2001:db8::/129" is no block`,
  ],
  [when("IpAddress", "aws:SourceIp", "1::2::3"), `${noCondition("IpAddress", "aws:SourceIp")}: "1::2::3" is no block`],
  [
    when("IpAddress", "aws:SourceIp", "1:2:3:4:5:6:7:8:9"),
    `${noCondition("IpAddress", "aws:SourceIp")}: "1:2:3:4:5:6:7:8:9" is no block`,
  ],
  [when("IpAddress", "aws:SourceIp", ""), `${noCondition("IpAddress", "aws:SourceIp")}: "" is no block`],
  [
    when("DateLessThan", "aws:CurrentTime", "tomorrow"),
    `${noCondition("DateLessThan", "aws:CurrentTime")}: "tomorrow" is no date`,
  ],
  [
    when("DateLessThan", "aws:CurrentTime", "2026-02-30"),
    `${noCondition("DateLessThan", "aws:CurrentTime")}: "2026-02-30" is no date`,
  ],
  [
    when("DateLessThan", "aws:CurrentTime", "2026-01-01T10:00:00"),
    `${noCondition("DateLessThan", "aws:CurrentTime")}: "2026-01-01T10:00:00" is no date`,
  ],
  [
    when("DateLessThan", "aws:CurrentTime", "1/2/2026"),
    `${noCondition("DateLessThan", "aws:CurrentTime")}: "1/2/2026" is no date`,
  ],
  [
    when("NumericLessThan", "aws:EpochTime", "many"),
    `${noCondition("NumericLessThan", "aws:EpochTime")}: "many" is no number`,
  ],
  [
    when("NumericLessThan", "aws:EpochTime", "0x10"),
    `${noCondition("NumericLessThan", "aws:EpochTime")}: "0x10" is no number`,
  ],
  [when("ArnLike", "aws:PrincipalArn", "alice"), `${noCondition("ArnLike", "aws:PrincipalArn")}: "alice" is no ARN`],
  [
    when("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*"),
    `${noCondition("ArnEquals", "aws:PrincipalArn")}: "arn:aws:iam::*" is no ARN`,
  ],
  [
    when("StringEquals", "aws:userid", "${aws:username}"),
    `${prefix}the policy variable \${aws:username} has no value for some callers`,
  ],
  [
    when("StringEquals", "aws:userid", "${ecr:Foo}"),
    `${prefix}the policy variable \${ecr:Foo} cannot be evaluated: no request has such a key`,
  ],
  [
    when("StringEquals", "aws:userid", "${aws:PrincipalTag/x, 'y'}"),
    `${prefix}the policy variable \${aws:PrincipalTag/x, 'y'} cannot be evaluated: users and robots carry no tags`,
  ],
  [when("StringEquals", "aws:userid", "${}"), `${prefix}the policy variable \${} cannot be evaluated`],
  [
    when("StringEquals", "aws:userid", "${aws:username, none}"),
    `${prefix}the policy variable \${aws:username, none} cannot be evaluated`,
  ],
  [
    resource("arn:aws:ecr:*:*:repository/${aws:username}/*"),
    `${prefix}the policy variable \${aws:username} has no value for some callers`,
    "registry",
  ],
];
