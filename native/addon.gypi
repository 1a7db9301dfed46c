# The shipping build of the addon: one Node-API binary per platform. The package root's binding.gyp includes this file
# and nothing else; it is not part of the published package (npm would take it for an install script).
{
  'targets': [
    {
      'target_name': 'node_multiprocessing',
      'sources': ['<!@(node native/list-sources.cjs)'],
      'include_dirs': [
        '.',
        "<!(node -p \"require('node-addon-api').include_dir\")",
      ],
      'defines': [
        'NAPI_VERSION=8',
        'NAPI_DISABLE_CPP_EXCEPTIONS',
        # In a worker_thread that is being terminated nothing can be thrown any more.
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
      'cflags': ['-fvisibility=hidden'],
      'cflags_cc': ['-std=c++20', '-fvisibility-inlines-hidden'],
      'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
      'conditions': [
        ['OS=="linux"', {
          'defines': ['_GNU_SOURCE'],
          'libraries': ['-lpthread', '-lrt'],
        }],
        ['OS=="mac"', {
          'xcode_settings': {
            'CLANG_CXX_LANGUAGE_STANDARD': 'c++20',
            'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
            'MACOSX_DEPLOYMENT_TARGET': '11.0',
          },
        }],
        ['OS=="win"', {
          'defines': ['WIN32_LEAN_AND_MEAN', 'NOMINMAX'],
          'msvs_settings': {
            'VCCLCompilerTool': { 'AdditionalOptions': ['/std:c++20'] },
          },
        }],
      ],
    },
  ],
}
