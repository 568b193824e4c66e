/** The texts of the scanner. */
import { translator, type Twin } from "../i18n.ts";

export const en = {
  camera: "Camera picture",
  start: "Use the camera",
  stop: "Stop the camera",
  insecure: "This page came over plain http, so the browser gives it no camera.",
  denied: "The camera is not allowed. Allow it for this page in the browser’s settings: it starts by itself then.",
  none: "No camera was found on this device.",
  busy: "The camera is in use by another program.",
} as const;

export const zh: Twin<typeof en> = {
  camera: "摄像头画面",
  start: "使用摄像头",
  stop: "停止摄像头",
  insecure: "本页面通过普通 http 打开，浏览器不提供摄像头。",
  denied: "未允许使用摄像头。请在浏览器设置中允许本页面使用，之后会自动启动。",
  none: "本设备没有摄像头。",
  busy: "摄像头正被其他程序使用。",
};

export const t = translator(en, zh);
