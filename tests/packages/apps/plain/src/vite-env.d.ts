interface ImportMetaEnv {
  readonly VITE_DEVICE_BFF_URL: string;
}
