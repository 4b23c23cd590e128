import type { Role } from "../../identity/users/entities.js";
import type { Language } from "../../settlement/renditions/entities.js";

/** What the pages for people say. */
export interface Texts {
  readonly signIn: string;
  readonly tenant: string;
  readonly tenantHint: string;
  readonly email: string;
  readonly password: string;
  readonly withProvider: (name: string) => string;
  readonly join: string;
  readonly welcome: (name: string, tenant: string) => string;
  readonly newPassword: string;
  readonly repeated: string;
  readonly passwordHint: string;
  readonly account: string;
  readonly signedInAs: (name: string, tenant: string) => string;
  readonly roles: string;
  readonly sessions: string;
  readonly session: (agent: string, address: string) => string;
  readonly since: string;
  readonly thisOne: string;
  readonly end: string;
  readonly changePassword: string;
  readonly oldPassword: string;
  readonly change: string;
  readonly changed: string;
  readonly signOut: string;
  readonly tryApi: string;
  readonly back: string;
  readonly role: Readonly<Record<Role, string>>;
  readonly refused: Readonly<Record<RefusalText, string>>;
}

/** What a page may have to say when something is refused. */
export type RefusalText =
  | ("wrong" | "invitationOver" | "stranger" | "notHolding" | "wrongPassword" | "different" | "length" | "guessable")
  | ("tooMany" | "away" | "elsewhere" | "noProvider" | "onlyProvider" | "broken");

/** All texts, by language. */
export const TEXTS: Readonly<Record<Language, Texts>> = {
  en: {
    signIn: "Sign in",
    tenant: "Tenant",
    tenantHint: "The id in your invitation, tnt_…",
    email: "E-mail address",
    password: "Password",
    withProvider: (name) => `Sign in with ${name}`,
    join: "Take up the invitation",
    welcome: (name, tenant) => `${name}, you are invited to ${tenant}.`,
    newPassword: "New password",
    repeated: "The same again",
    passwordHint: "12 to 128 characters. A sentence, or what your password manager makes up.",
    account: "Your account",
    signedInAs: (name, tenant) => `You are signed in as ${name}, ${tenant}.`,
    roles: "Roles",
    sessions: "Where you are signed in",
    session: (agent, address) => `${agent} from ${address}`,
    since: "since",
    thisOne: "this browser",
    end: "End",
    changePassword: "Change the password",
    oldPassword: "Present password",
    change: "Change",
    changed: "The password is changed; you are signed out everywhere else.",
    signOut: "Sign out",
    tryApi: "Try the API in GraphiQL",
    back: "Back to signing in",
    role: {
      ADMIN: "Administrator",
      FINANCE_DRAFTER: "Finance, drafting",
      FINANCE_APPROVER: "Finance, approving",
      KEY_MANAGER: "Key manager",
      AUDITOR: "Auditor",
      OPERATOR: "Operator",
    },
    refused: {
      wrong: "The address or the password is wrong. After five wrong ones no password is taken for some minutes.",
      invitationOver: "This invitation was used, replaced or is too old. Ask for another one.",
      stranger: "Nobody here is known by that sign-in. Ask your administrator for an invitation.",
      notHolding: "The sign-in could not be completed, or took too long. Begin again.",
      wrongPassword: "The present password is wrong.",
      different: "The two new passwords differ.",
      length: "A password has 12 to 128 characters.",
      guessable: "That password is easily guessed. Take another.",
      tooMany: "There are too many attempts at the moment. Wait a little and try again.",
      away: "Signing in is not possible at the moment. Try again in a little while.",
      elsewhere: "This form was not sent from our own page. Open it again at its own address.",
      noProvider: "There is no sign-in provider for that tenant.",
      onlyProvider: "People of that tenant sign in by its provider, not by password.",
      broken: "Something went wrong on our side.",
    },
  },
  ko: {
    signIn: "로그인",
    tenant: "테넌트",
    tenantHint: "초대장에 있는 ID, tnt_…",
    email: "이메일 주소",
    password: "비밀번호",
    withProvider: (name) => `${name}(으)로 로그인`,
    join: "초대 수락",
    welcome: (name, tenant) => `${name} 님, ${tenant}에 초대되었습니다.`,
    newPassword: "새 비밀번호",
    repeated: "새 비밀번호 확인",
    passwordHint: "12자에서 128자. 문장을 쓰거나 비밀번호 관리자가 만든 것을 사용하세요.",
    account: "내 계정",
    signedInAs: (name, tenant) => `${tenant}의 ${name} 님으로 로그인되어 있습니다.`,
    roles: "역할",
    sessions: "로그인된 기기",
    session: (agent, address) => `${agent}, ${address}`,
    since: "시작",
    thisOne: "현재 브라우저",
    end: "종료",
    changePassword: "비밀번호 변경",
    oldPassword: "현재 비밀번호",
    change: "변경",
    changed: "비밀번호가 변경되었습니다. 다른 모든 기기에서 로그아웃되었습니다.",
    signOut: "로그아웃",
    tryApi: "GraphiQL에서 API 사용해 보기",
    back: "로그인으로 돌아가기",
    role: {
      ADMIN: "관리자",
      FINANCE_DRAFTER: "재무 작성자",
      FINANCE_APPROVER: "재무 승인자",
      KEY_MANAGER: "키 관리자",
      AUDITOR: "감사자",
      OPERATOR: "운영자",
    },
    refused: {
      wrong: "주소 또는 비밀번호가 올바르지 않습니다. 다섯 번 틀리면 몇 분 동안 로그인할 수 없습니다.",
      invitationOver: "이미 사용되었거나 교체되었거나 기한이 지난 초대입니다. 새 초대를 요청하세요.",
      stranger: "이 로그인으로 등록된 사람이 없습니다. 관리자에게 초대를 요청하세요.",
      notHolding: "로그인을 마치지 못했거나 시간이 초과되었습니다. 다시 시작하세요.",
      wrongPassword: "현재 비밀번호가 올바르지 않습니다.",
      different: "새 비밀번호 두 개가 서로 다릅니다.",
      length: "비밀번호는 12자에서 128자여야 합니다.",
      guessable: "추측하기 쉬운 비밀번호입니다. 다른 것을 사용하세요.",
      tooMany: "지금은 시도가 너무 많습니다. 잠시 후 다시 시도하세요.",
      away: "지금은 로그인할 수 없습니다. 잠시 후 다시 시도하세요.",
      elsewhere: "이 양식은 저희 페이지에서 보낸 것이 아닙니다. 원래 주소에서 다시 여세요.",
      noProvider: "이 테넌트에는 로그인 제공자가 없습니다.",
      onlyProvider: "이 테넌트는 비밀번호가 아니라 로그인 제공자를 사용합니다.",
      broken: "서버에 문제가 발생했습니다.",
    },
  },
};
