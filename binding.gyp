{
  'includes': ['native/addon.gypi'],
}
