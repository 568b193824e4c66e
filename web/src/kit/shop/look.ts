/** A shop's colour and logo as the kit draws them. */

/** Look is what a coupon takes over from a shop's profile. */
export interface Look {
  /** sRGB, as "#1f3f94". */
  colour: string;
  logo: Uint8Array;
  logoType: string;
}

/** luminance is the relative luminance of WCAG 2. */
export function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((i) => {
    const c = parseInt(colour.slice(i, i + 2), 16) / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

/**
 * inkOn is the colour of texts on a ground, black or white, whichever stands out more: at least 4.58 to 1 on
 * any ground, and WCAG AA asks for 4.5.
 */
export function inkOn(colour: string): "#000000" | "#ffffff" {
  const l = luminance(colour);
  return (l + 0.05) ** 2 >= 0.05 * 1.05 ? "#000000" : "#ffffff";
}
