-- expect: load: there is no global 'require'
require "os"
