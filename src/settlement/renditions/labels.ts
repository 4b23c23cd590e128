import { LineSection } from "../terms/lines.js";
import { StateName } from "../terms/state.js";
import type { Language } from "./entities.js";

type Label = readonly [en: string, ko: string];

const LABELS = {
  title: ["Settlement statement", "정산서"],
  noActivity: ["No activity in this period", "당기 거래 없음"],
  STATEMENT: ["Statement", "정산서 정보"],
  BALANCE: ["Balance", "잔액 요약"],
  FIGURES: ["Other figures", "참고 금액"],
  PAYMENT: ["Payment", "지급 예정"],
  LINES: ["Calculation, line by line", "산정 내역"],
  TOTALS: ["Activity of the period", "당기 거래 합계"],
  CONVERSIONS: ["Exchange rates", "적용 환율"],
  STATE: ["Carried between statements", "정산서 간 이월 내역"],
  ORIGINS: ["Late items at their own terms", "지연 거래의 원래 기간 조건 재계산"],
  CORRECTIONS: ["Corrections after disputes", "이의 제기에 따른 조정"],
  CREDIT: ["Credit before this statement", "정산 전 크레딧 잔액(로트별)"],
  EVIDENCE: ["Evidence", "검증 정보"],
  OTHER: ["Also on the statement", "기타 기재 사항"],
  no: ["No.", "번호"],
  group: ["Part", "구분"],
  code: ["Code", "코드"],
  label: ["Description", "내용"],
  scope: ["Concerns", "적용 대상"],
  count: ["Count", "건수"],
  units: ["Units", "수량"],
  formula: ["Formula", "산식"],
  inputs: ["Inputs", "입력값"],
  result: ["Exact value", "계산값"],
  amount: ["Amount", "금액"],
  currency: ["Currency", "통화"],
  rounding: ["Rounding", "반올림"],
  term: ["Term of the contract", "계약 조항"],
  key: ["Window, or periods left", "해당 기간·잔여 회차"],
  value: ["Value", "값"],
  jti: ["Statement number", "정산서 번호"],
  iss: ["Issued by", "발행자"],
  sub: ["Partner", "파트너"],
  "period.id": ["Period number", "정산 기간 번호"],
  "period.start": ["From", "기간 시작"],
  "period.end": ["Until, not included", "기간 종료(미포함)"],
  "period.timezone": ["Time zone", "시간대"],
  "period.cycle": ["Part of the cycle", "해당 정산 주기"],
  statementCurrency: ["Currency", "통화"],
  iat: ["Issued", "발행 일시"],
  "configuration.name": ["Contract", "계약명"],
  "configuration.version": ["Contract version", "계약 버전"],
  hasActivity: ["Activity", "거래 여부"],
  yes: ["Yes", "있음"],
  opening: ["Opening balance", "기초 잔액"],
  earned: ["Plus: earned in this period", "가산: 당기 정산액"],
  adjustments: ["Plus: adjustments", "가산: 조정"],
  reserveHeld: ["Less: reserve withheld", "차감: 유보금 적립"],
  reserveReleased: ["Plus: reserve released", "가산: 유보금 해제"],
  payable: ["Less: released for payment", "차감: 지급 확정액"],
  released: ["Released for payment", "지급 확정액"],
  closing: ["Closing balance", "기말 잔액"],
  creditMet: ["Met by prepaid credit", "지급 확정액 중 선불 크레딧 충당액"],
  taxWithheld: ["Tax withheld from the payment", "지급액 중 원천징수세액"],
  base: ["Base of this period", "당기 정산 기준액"],
  carryIn: ["Loss carried in", "전기 이월 결손액"],
  carryOut: ["Loss carried out", "차기 이월 결손액"],
  "payment.on": ["To be paid on", "지급 예정일"],
  "payment.from": ["Counted from", "기산일"],
  "payment.afterDays": ["Days", "지급 기한(일)"],
  "payment.calendar": ["Business days of", "영업일 기준"],
  "payment.closedDays": ["Closed days passed over", "제외한 휴일"],
  everyDay: ["every day counts", "모든 날을 산입"],
  "configuration.id": ["Contract document", "계약 문서 번호"],
  "configuration.sha256": ["SHA-256 of the contract document", "계약 문서 SHA-256"],
  sha256: ["SHA-256 of the signed statement", "서명 원본 SHA-256"],
  kid: ["Signed with the key", "서명 키"],
  "previousStatement.id": ["Statement before", "직전 정산서"],
  "previousStatement.sha256": ["Its SHA-256", "직전 정산서 SHA-256"],
  first: ["none: the first in this currency", "없음(해당 통화의 최초 정산서)"],
  "transactions.batches": ["Batches settled", "정산에 포함된 배치 수"],
  "transactions.root": ["Root of their Merkle tree", "배치 머클 트리 루트"],
  "origin.settled": ["as settled", "기정산"],
  "origin.lines": ["with late items", "지연 거래 반영"],
  origin: ["Period of late items", "지연 거래의 원래 기간"],
  correction: ["Dispute put right", "조정된 이의 제기"],
  face: ["face value", "액면가"],
  cost: ["price", "구매가"],
  drawn: ["drawn at posting", "기록 시점 사용액"],
  settled: ["used", "충당액"],
  expired: ["expired", "소멸액"],
  priority: ["priority", "사용 우선순위"],
  expiresAt: ["good until, not included", "유효 기한(미포함)"],
  isBought: ["bought in this period", "당기 구매"],
  isTakenBack: ["taken back in this period", "당기 구매 취소"],
  lastDrawn: ["rank of last use", "최근 사용 순번"],
  verify: ["To verify", "검증 방법"],
  original: ["The original", "원본"],
  originalText: [
    "The signed document (JWS) counts; this is a copy for reading, with every amount as it stands there.",
    "서명된 문서(JWS)가 원본이며, 이 문서는 열람용 사본으로 모든 금액은 원본 그대로입니다.",
  ],
  "state.opening": ["As opened", "기초"],
  "state.closing": ["As left", "기말"],
} as const satisfies Record<string, Label>;

/** What is labelled. */
export type LabelName = keyof typeof LABELS;

/** A label in a language. */
export function labelOf(name: LabelName, language: Language): string {
  return inLanguage(LABELS[name], language);
}

const SECTIONS: Readonly<Record<string, Label>> = {
  [LineSection.BASE]: ["Working", "산정"],
  [LineSection.EARNED]: ["Earned", "정산"],
  [LineSection.ADJUSTMENTS]: ["Adjustments", "조정"],
  [LineSection.RESERVE]: ["Reserve", "유보"],
  [LineSection.POSITION]: ["Position", "잔액"],
  [LineSection.CREDIT]: ["Prepaid credit", "선불 크레딧"],
};

const STATES: Readonly<Record<string, Label>> = {
  [StateName.CARRY]: ["Loss carried", "이월 결손액"],
  [StateName.PLAYER_CARRY]: ["Loss carried against one player", "플레이어별 이월 결손액"],
  [StateName.WINDOW_CARRY]: ["Loss carried into the tier window", "구간 기간의 이월 결손액"],
  [StateName.WINDOW_BASE]: ["Base of the tier window so far", "구간 기간의 누적 기준액"],
  [StateName.WINDOW_SETTLED]: ["Settled of the tier window so far", "구간 기간의 기정산액"],
  [StateName.FEE_CHARGED]: ["Fixed fee charged in its window", "부과된 고정 수수료"],
  [StateName.CAP_USED]: ["Used of a cap in its window", "상한 사용액"],
  [StateName.CAP_OVER]: ["Taken off above a cap in its window", "상한 초과분 차감 누계"],
  [StateName.GUARANTEE_EARNED]: ["Earned in the guarantee's window", "보장 기간의 누적 발생액"],
  [StateName.GUARANTEE_DUE]: ["Guaranteed in its window", "보장 기간의 누적 보장액"],
  [StateName.GUARANTEE_SETTLED]: ["Settled in the guarantee's window", "보장 기간의 기정산액"],
  [StateName.ADVANCE_INSTALMENTS]: ["Instalments of the advance", "선급금 회차 누계"],
  [StateName.ADVANCE_EARNED]: ["Earned against the advance", "선급금 대비 발생액 누계"],
  [StateName.RESERVE]: ["Reserve held", "유보금 잔액"],
  [StateName.CREDIT_PRICE]: ["Price of credit still owed", "미지급 크레딧 구매 대금"],
};

const KINDS: Readonly<Record<string, Label>> = {
  BET: ["Bets", "베팅"],
  WIN: ["Wins", "당첨"],
  BONUS: ["Bonuses", "보너스"],
  BONUS_BET: ["Bonus bets", "보너스 베팅"],
  BONUS_WIN: ["Bonus wins", "보너스 당첨"],
  JACKPOT_CONTRIBUTION: ["Jackpot contributions", "잭팟 적립"],
  JACKPOT_WIN: ["Jackpot wins", "잭팟 당첨"],
  FEE: ["Fees", "수수료"],
  CREDIT_PURCHASE: ["Credit bought", "크레딧 구매"],
  CREDIT_DRAWDOWN: ["Credit drawn", "크레딧 사용"],
  ADJUSTMENT: ["Adjustments", "조정"],
  CHARGEBACK: ["Chargebacks", "지불 거절(차지백)"],
  ACQUISITION: ["Players brought", "신규 유치"],
};

const ROUNDINGS: Readonly<Record<string, Label>> = {
  HALF_EVEN: ["half to even", "반올림(절반은 짝수로)"],
  HALF_UP: ["half up", "반올림(사사오입)"],
  HALF_DOWN: ["half down", "반올림(절반은 버림)"],
  UP: ["up", "올림"],
  DOWN: ["down", "버림"],
  CEILING: ["to the greater", "큰 쪽으로"],
  FLOOR: ["to the lesser", "작은 쪽으로"],
  LINE: ["line by line", "행별"],
  TOTAL: ["of the sum, shared out", "합계에서 한 번, 배분"],
};

/** What statements call lines in English, their signed `description`, in Korean. */
const KOREAN_LINES: Readonly<Record<string, string>> = {
  RULE: "규칙에 문의(요율은 계약 조항대로)",
  RULE_RATE: "규칙이 정한 요율",
  TURNOVER: "총 베팅액(취소 차감 후)",
  WINS: "총 당첨액(취소 차감 후)",
  LATE_ITEMS: "마감된 기간의 지연 거래(당기 반영)",
  GGR: "총게임수익(GGR): 총 베팅액 - 총 당첨액",
  DEDUCTION_BONUS: "보너스 비용 공제",
  DEDUCTION_JACKPOT_CONTRIBUTION: "잭팟 적립금 공제",
  DEDUCTION_PAYMENT_FEES: "결제 수수료 공제",
  DEDUCTION_GAMING_TAX: "게임세 공제",
  DEDUCTION_CHARGEBACKS: "지불 거절(차지백) 공제",
  DEDUCTION_ADMIN_FEE: "관리 수수료 공제",
  DEDUCTION_PROVIDER_FEES: "공급사 수수료 공제",
  BASE_PART: "별도 기준이 적용되는 거래의 기준액",
  BASE_CONVERTED: "다른 통화 기준액의 마감 환산액",
  BASE: "당기 정산 기준액",
  WINDOW_BASE: "구간 기간의 누적 기준액",
  CARRY_IN: "전기 이월 결손액",
  WINDOW_CARRY_IN: "구간 산정 기간의 최초 이월 결손액",
  CARRY_OFFSET: "당기에 상계한 이월 결손액",
  CARRY_EXPIRED: "당기에 소멸한 이월 결손액",
  CARRY_OUT: "차기 이월 결손액",
  PLAYER_BASE: "플레이어 1인의 거래 기준액",
  PLAYER_CARRY_IN: "해당 플레이어에게만 적용되는 전기 이월 결손액",
  PLAYER_OFFSET: "해당 플레이어의 이익에서 상계한 이월 결손액",
  AGGREGATE: "플레이어별 상계 후 합산 기준액",
  PLAYER_LOSS: "고액 플레이어 한도를 넘은 결손액",
  PLAYER_FENCED: "해당 플레이어에게만 이월하는 결손액",
  FENCED_BASE: "플레이어별 이월분을 제외한 기준액",
  PLAYER_EXPIRED: "해당 플레이어의 소멸한 이월 결손액",
  PLAYER_CARRY_OUT: "해당 플레이어에게만 적용되는 차기 이월 결손액",
  NET_BASE: "이월 반영 후 배분 기준액",
  TIER_RATE: "기준액이 속한 구간의 요율",
  COMMISSION: "이월 반영 전 배분액",
  SHARE: "수익 배분액(이월 반영 후)",
  FEE_FIXED: "계약상 고정 수수료",
  FEE_PER_TRANSACTION: "거래 건별 수수료",
  FEE_PER_UNIT: "단위별 수수료",
  CAP: "상한 초과분 차감",
  GUARANTEED: "당기 최소 보장액",
  TOP_UP: "최소 보장액 부족분 보전",
  JACKPOT_TRUE_UP: "요율 기준 잭팟 적립금과 기록된 적립금의 차액",
  VAT: "부가가치세",
  VAT_INCLUDED: "정산액에 포함된 부가가치세",
  ADVANCE: "선급금 지급(음수는 회수)",
  JACKPOT_CONTRIBUTIONS: "잭팟 풀에 지급할 적립금",
  JACKPOT_WINS: "잭팟 풀에서 받을 당첨금",
  JACKPOTS_SEPARATE: "별도 정산하는 잭팟(적립금 - 당첨금)",
  FEES: "파트너에게 지급할 수수료",
  ADJUSTMENTS: "조정(양수는 파트너에게 유리)",
  RESERVE_HELD: "유보금 적립",
  RESERVE_RELEASED: "유보금 해제",
  CREDIT_BOUGHT: "구매한 크레딧의 대금(음수는 구매 취소)",
  POSITION: "지급 전 잔액",
  PAYABLE: "지급 확정액",
  TAX_WITHHELD: "지급액 중 원천징수세액",
  CREDIT_TO_MEET: "지급 확정액 중 크레딧으로 충당할 수 있는 금액(크레딧 대금 제외)",
  CREDIT_DRAWN_MET: "기록 시점에 사용한 크레딧으로 충당",
  CREDIT_MET: "크레딧 로트로 충당",
  CREDIT_REFILLED: "사용한 로트로 되돌린 크레딧",
  CREDIT_DISCOUNT: "충당한 크레딧의 할인액(비용 차감)",
  CREDIT_LEFT: "로트 잔액",
  PAID_OUT: "실지급액(원천징수 후)",
  SPLIT: "수령인별 지급액",
  CLOSING: "기말 잔액(차기 기초 잔액)",
};

/** What a line is, for people; in a language that has no word for its code, the description that was signed. */
export function lineLabel({ code, description }: { code: string; description: string }, language: Language): string {
  return language === "en" ? description : (KOREAN_LINES[code] ?? description);
}

/** Which part of the statement a line belongs to; its code where there is no word for it. */
export function lineSectionLabel(section: string, language: Language): string {
  return wordFor(SECTIONS, section, language);
}

/** What a number that is carried is; its name where there is no word for it. */
export function stateLabel(name: string, language: Language): string {
  return wordFor(STATES, name, language);
}

/** A kind of total; one that was rolled back says so. Its code where there is no word for it. */
export function kindLabel(kind: string, language: Language): string {
  const original = kind.replace(/^ROLLBACK_/, "");
  const label = wordFor(KINDS, original, language);
  if (original === kind) return label;
  return language === "en" ? `Rolled back: ${label}` : `취소: ${label}`;
}

/** A mode or stage of rounding by its code, with what that means. */
export function roundingLabel(code: string, language: Language): string {
  const label = ROUNDINGS[code];
  return label === undefined ? code : `${code} (${inLanguage(label, language)})`;
}

function wordFor(table: Readonly<Record<string, Label>>, code: string, language: Language): string {
  const label = table[code];
  return label === undefined ? code : inLanguage(label, language);
}

function inLanguage([en, ko]: Label, language: Language): string {
  return language === "en" ? en : ko;
}
