/** The parts of the console that its first page does without. */
import { lazily } from "../kit/lazy.tsx";

export const CoursePage = lazily(async () => (await import("./coursepage.tsx")).CoursePage);
export const Developers = lazily(async () => (await import("./developers.tsx")).Developers);
