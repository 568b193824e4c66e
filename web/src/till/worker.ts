/// <reference lib="webworker" />
/** The till's service worker. */
import { serve } from "../kit/worker.ts";

declare const SCRIP_FILES: readonly string[];
declare const SCRIP_VERSION: string;

serve(self as unknown as ServiceWorkerGlobalScope, "till", SCRIP_VERSION, SCRIP_FILES);
