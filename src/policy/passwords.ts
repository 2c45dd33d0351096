/** Characters. */
const passwordLength = { least: 12, most: 1024 } as const;

/** What many people choose where twelve characters are asked for, and what programs try first; in lower case. */
const common = new Set(
  `password1234 password12345 password123456 passwordpassword 123456789012 1234567890123 12345678901234 123456789123
1234567890ab qwertyuiop12 qwertyuiop123 qwertyuiopas qwertyuiopasdf 1qaz2wsx3edc 1q2w3e4r5t6y 1qaz2wsx3edc4rfv
zaq12wsxcde3 q1w2e3r4t5y6 qazwsxedcrfv asdfghjkl123 abcdefghijkl abc123456789 a1b2c3d4e5f6 iloveyou1234 letmein12345
welcome12345 welcome123456 administrator administrator1 admin1234567 admin12345678 changeme1234 changemechangeme
correcthorsebatterystaple harbor12345harbor berthberthberth registry1234 container1234 docker123456 dockerdocker
football1234 baseball1234 sunshine1234 princess1234 superman1234 trustno1trustno1 monkey123456 dragon123456 master123456
summer2023!! summer2024!! summer2025!! winter2023!! winter2024!! winter2025!! p@ssw0rd1234 p@ssword1234 passw0rd1234
!qaz2wsx#edc secret123456 secretsecret testtesttest test12345678 guest1234567 qwerty123456 qwerty1234567 qwertyqwerty
000000000000 111111111111 112233445566 121212121212 123123123123 147258369147 987654321098 0987654321098`.split(/\s+/),
);

/** Why a password must not be taken, as a part of a sentence; undefined when it may. @param user name of who is to have it */
export function findPasswordFault(password: string, user: string): string | undefined {
  const { least, most } = passwordLength;
  const length = Array.from(password).length;
  if (length < least) return `it has ${length} characters, and the least is ${least}`;
  if (length > most) return `it has ${length} characters, and the most is ${most}`;
  const lower = password.toLowerCase();
  if (common.has(lower)) return "it is one of those that are tried first";
  if (new Set(lower).size < 4) return "it repeats a few characters";
  if (lower.replaceAll(user, "").length < least / 2) return "it is made of the user's name";
  return undefined;
}
