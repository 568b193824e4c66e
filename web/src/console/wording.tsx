/** The words of a campaign's terms: read as customers read them, and handed in where the network lacks them. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { hex } from "@scrip/sdk/bytes";
import type { ProvenCampaign } from "@scrip/sdk/client";
import { publishTermsText, termsTextFault, termsTextHash } from "@scrip/sdk/texts";
import type { Link } from "../kit/chain.ts";
import { Button, Field, toast } from "../kit/ui.tsx";
import { useWording, WordingView, wordingRow } from "../kit/wording/wording.tsx";
import { Trouble, useSession, useWork } from "./parts.tsx";
import { t } from "./text.ts";

/** giveWording hands the words of a campaign's terms to the network; false if no node took them. */
export async function giveWording(link: Link, campaign: number, text: string): Promise<boolean> {
  try {
    return (await publishTermsText(link.client, campaign, text)).taken > 0;
  } catch {
    return false;
  }
}

/** fitting is the text that was pasted, as it was signed: editors add and take away ends of lines. */
export function fitting(pasted: string, hash: Uint8Array): string | undefined {
  const lines = pasted.replaceAll("\r\n", "\n");
  const forms = [
    pasted,
    pasted.trim(),
    lines,
    lines.trim(),
    `${lines.trim()}\n`,
    lines.trim().replaceAll("\n", "\r\n"),
  ];
  return forms.find((form) => hex(termsTextHash(form)) === hex(hash));
}

function Give(p: { campaign: ProvenCampaign; onDone: () => void }): JSX.Element {
  const { link } = useSession();
  const { number: n, terms } = p.campaign;
  const [pasted, setPasted] = useState("");
  const [tried, setTried] = useState(false);
  const work = useWork();
  const text = fitting(pasted, terms.termsHash);
  const fault = text === undefined ? t("wordingOther") : termsTextFault(text) ? t("wordingForm") : undefined;
  const give = () => {
    setTried(true);
    if (text === undefined || fault) return;
    void work.run(async () => {
      await publishTermsText(link.client, n, text);
      await link.store.set(wordingRow(terms.termsHash), text);
      toast(t("wordingThere"));
      p.onDone();
    });
  };
  return (
    <form
      class="stack-s"
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        give();
      }}
    >
      <p>{t("wordingGiveText")}</p>
      <Field
        label={t("wordingPaste")}
        value={pasted}
        onInput={setPasted}
        rows={5}
        error={tried && pasted !== "" ? fault : undefined}
        required
      />
      <div>
        <Button type="submit" busy={work.busy}>
          {t("wordingGive")}
        </Button>
      </div>
      <Trouble work={work} />
    </form>
  );
}

/** WordingBox is the part of a campaign's page. */
export function WordingBox(p: { campaign: ProvenCampaign }): JSX.Element {
  const { link, member } = useSession();
  const { terms, issuer } = p.campaign;
  const loaded = useWording(link, terms);
  const missing = loaded.value !== undefined && loaded.value.text === undefined;
  return (
    <div class="stack-s">
      <WordingView loaded={loaded} title={terms.title} />
      {missing && issuer === member && <Give campaign={p.campaign} onDone={loaded.reload} />}
    </div>
  );
}
