/** What one of two linked partners is owed by PAYABLE, in minor units; negative: it owes. */
export interface LinkedDebt {
  readonly partnerId: string;
  readonly payableMinor: bigint;
}

/** An amount set off: it leaves what the creditor is owed and what the debtor owes. */
export interface SetOff {
  readonly creditorId: string;
  readonly debtorId: string;
  readonly amountMinor: bigint;
}

/**
 * Opposite debts of linked partners in one currency, set off in the order given, each as far as it goes (domain 12:
 * PAYABLE of one against PAYABLE of the other). The sum over all of them stays what it was; nobody changes sides.
 */
export function netDebts(debts: readonly LinkedDebt[]): readonly SetOff[] {
  const open = debts.map((debt) => ({ ...debt }));
  const creditors = open.filter(({ payableMinor }) => payableMinor > 0n);
  const debtors = open.filter(({ payableMinor }) => payableMinor < 0n);
  return creditors.flatMap((creditor) =>
    debtors.flatMap((debtor): SetOff[] => {
      const owed = -debtor.payableMinor;
      const isPaidInFull = creditor.payableMinor < owed;
      const amountMinor = isPaidInFull ? creditor.payableMinor : owed;
      if (amountMinor === 0n) return [];
      creditor.payableMinor -= amountMinor;
      debtor.payableMinor += amountMinor;
      return [{ creditorId: creditor.partnerId, debtorId: debtor.partnerId, amountMinor }];
    }),
  );
}
