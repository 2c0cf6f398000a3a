module.exports = {
  compress: false,
  async rewrites() {
    return [{ source: '/api/:path*', destination: 'http://api:8000/:path*' }]
  },
}
